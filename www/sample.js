// The sample dump that ships with the page: one request, for one archive.

/** @import { FetchOptions } from "./beside.js" */
import { besideUrl, fetchedDump } from "./beside.js";

/** Its path, as a link names it. */
export const SAMPLE = "sample.zip";

/** @param {FetchOptions} [options] */
export const sampleFiles = async (options) => fetchedDump(besideUrl(SAMPLE), options);
