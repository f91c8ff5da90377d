// The sample dump that ships with the page: one request, for one archive.

/** @import { FileEntry } from "./engine/types.js" */
import { EngineError } from "./engine/client.js";

const ARCHIVE = "sample.zip";

/** @returns {Promise<FileEntry[]>} */
export async function sampleFiles() {
  const response = await fetch(ARCHIVE).catch(() => null);
  if (!response?.ok) {
    throw new EngineError("dump", "The sample could not be fetched from this site.", "Check the connection, or drop a dump of your own.");
  }
  return [{ path: ARCHIVE, file: new File([await response.blob()], ARCHIVE) }];
}
