// Runs that outlive the tab, where the reader turns that on: results and small dumps in this browser's IndexedDB, and nowhere else.
// While it is off, nothing of a dump or a result is ever stored.

/** @import { FileEntry } from "./engine/types.js" */
/** @import { Outcome } from "./types.js" */

/** Larger dumps are not kept: they are quicker to drop again than to copy. */
export const KEEP_BYTES = 64e6;

const [NAME, OUTCOMES, FILES] = ["kvlens", "outcomes", "files"];

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(OUTCOMES, { keyPath: "id" });
      request.result.createObjectStore(FILES, { keyPath: "path" });
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

/** Keeps exactly these results. @param {Outcome[]} all */
export const keepOutcomes = (all) =>
  inStores("readwrite", (outcomes) => {
    outcomes.clear();
    for (const outcome of all) outcomes.put(outcome);
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

/** Forgets everything. */
export const forget = () =>
  inStores("readwrite", (outcomes, files) => {
    outcomes.clear();
    files.clear();
  });
