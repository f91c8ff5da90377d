// `#dump=relative/path.zip`: a dump that lies beside the page, so that one link brings page, dump and settings.

/** @import { FileEntry } from "./engine/types.js" */
import { EngineError } from "./engine/errors.js";

/** Larger dumps are asked for first. */
export const ASK_BYTES = 200e6;

/** The file's name. @param {URL} url */
const nameOf = ({ pathname }) => decodeURIComponent(pathname.split("/").pop() || "dump");

/** @param {string} path */
function addressOf(path) {
  try {
    const url = new URL(path, location.href);
    // An address may hold a name that can't be read.
    nameOf(url);
    return url;
  } catch {
    return null;
  }
}

/**
 * @param {string} path relative to the page
 * @returns {URL}
 */
export function besideUrl(path) {
  const url = addressOf(path);
  if (!url) {
    throw new EngineError(
      "dump",
      `The link names a dump that can’t be: “${path}”.`,
      "Correct the name after dump= in the address (a per cent sign is written %2525 there), or drop the dump here.",
    );
  }
  if (url.origin !== location.origin) {
    throw new EngineError(
      "dump",
      `The link names a dump on another site (${url.origin}).`,
      "Only dumps beside this page are opened: download it and drop it here.",
    );
  }
  return url;
}

/** The size in bytes, where the host tells it. @param {URL} url @returns {Promise<number | null>} */
export async function sizeOf(url) {
  const response = await fetch(url, { method: "HEAD" }).catch(() => null);
  const length = response?.ok ? response.headers.get("content-length") : null;
  return length === null ? null : Number(length);
}

/**
 * `onProgress` is told the bytes so far, of all where the host tells it; an aborted fetch rejects as cancelled.
 * @typedef {{ signal?: AbortSignal, onProgress?: (read: number, total: number | null) => void }} FetchOptions
 */

/** @param {URL} url @param {FetchOptions} [options] @returns {Promise<FileEntry[]>} */
export async function fetchedDump(url, options = {}) {
  const name = nameOf(url);
  const { status, response } = await requested(url, options);
  if (options.signal?.aborted) throw new EngineError("cancelled", "cancelled");
  // Some hosts send their first page, and no 404, for what they do not have. No dump is a web page.
  const page = response?.type.startsWith("text/html");
  if (status < 200 || status > 299 || !response || page) {
    const answer = page && status < 300 ? "with a web page in its place" : status;
    const why = status === 0 ? "the host does not answer, or not to the end" : `the host answers ${answer}`;
    throw new EngineError("dump", `${url.pathname} could not be fetched: ${why}.`, "Check the link, or drop the dump here.");
  }
  // Fetched twice it is the same file: its time would say otherwise.
  return [{ path: name, file: new File([response], name, { lastModified: 0 }) }];
}

/**
 * Not by `fetch`, which tells how far it is only where every piece passes through the page.
 * @param {URL} url
 * @param {FetchOptions} options
 * @returns {Promise<{ status: number, response: Blob | null }>} once it is over, however it went
 */
function requested(url, { signal, onProgress }) {
  const request = new XMLHttpRequest();
  request.open("GET", url);
  request.responseType = "blob";
  request.onprogress = ({ loaded, total, lengthComputable }) => onProgress?.(loaded, lengthComputable ? total : null);
  signal?.addEventListener("abort", () => request.abort());
  request.send();
  return new Promise((resolve) => (request.onloadend = () => resolve(request)));
}
