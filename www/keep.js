// Runs that outlive the tab, where the reader turns that on: results and small dumps in this browser's IndexedDB, and nowhere else.
// While it is off, nothing of a dump or a result is ever stored.

/** @import { FileEntry } from "./engine/types.js" */
/** @import { Outcome } from "./types.js" */

/** Larger dumps are not kept: they are quicker to drop again than to copy. */
export const KEEP_BYTES = 64e6;

const [NAME, OUTCOMES, FILES] = ["kvlens", "outcomes", "files"];
const VERSION = 2;

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      const { result } = request;
      for (const name of [...result.objectStoreNames]) result.deleteObjectStore(name);
      result.createObjectStore(OUTCOMES, { keyPath: "at" });
      result.createObjectStore(FILES, { keyPath: "path" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("another tab holds what is kept"));
  });
}

/**
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(outcomes: IDBObjectStore, files: IDBObjectStore) => T} use
 * @returns {Promise<T>} once everything is on the disk
 */
async function inStores(mode, use) {
  const database = await open();
  try {
    const transaction = database.transaction([OUTCOMES, FILES], mode);
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
    const result = use(transaction.objectStore(OUTCOMES), transaction.objectStore(FILES));
    await done;
    return result;
  } finally {
    database.close();
  }
}

/** @returns {Promise<{ outcomes: Outcome[], files: FileEntry[] }>} */
export async function kept() {
  const [outcomes, files] = await inStores("readonly", (outcomes, files) => [outcomes.getAll(), files.getAll()]);
  return { outcomes: outcomes.result, files: files.result };
}

/** Keeps these results beside those of other tabs, or in their own place. @param {Outcome[]} changed @param {Outcome[]} gone no longer kept */
export const keepOutcomes = (changed, gone) =>
  inStores("readwrite", (outcomes) => {
    for (const outcome of changed) outcomes.put(outcome);
    for (const { at } of gone) outcomes.delete(at);
  });

/** Keeps exactly these files; none where they are too large together. @param {FileEntry[]} all @returns {Promise<boolean>} whether they are kept */
export async function keepFiles(all) {
  let bytes = 0;
  for (const { file } of all) if ((bytes += file.size) > KEEP_BYTES) break;
  const small = bytes <= KEEP_BYTES;
  await inStores("readwrite", (_, files) => {
    files.clear();
    if (small) for (const { path, file } of all) files.put({ path, file });
  });
  return small;
}

/** Forgets everything, once other tabs have written what they write now. @returns {Promise<void>} */
export const forget = () =>
  new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(NAME);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
  });
