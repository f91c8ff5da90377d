// The sample dump that ships with the page: one request, for one archive.

import { besideUrl, fetchedDump } from "./beside.js";

/** Its path, as a link names it. */
export const SAMPLE = "sample.zip";

export const sampleFiles = async () => fetchedDump(besideUrl(SAMPLE));
