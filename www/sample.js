// The sample dump that ships with the page: one request, for one archive.

import { besideUrl, fetchedDump } from "./beside.js";

export const sampleFiles = async () => fetchedDump(besideUrl("sample.zip"));
