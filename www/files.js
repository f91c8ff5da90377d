// Files as a browser hands them over (dropped, chosen, pasted), as a flat list of paths and File objects. Nothing is read here.

/** @import { FileEntry } from "./engine/types.js" */

/** Asking for all File objects of a big folder at once makes browsers stall; one at a time is slow. */
const IN_FLIGHT = 64;

/**
 * Must be called in the event itself: the browser empties the transfer afterwards.
 * @param {DataTransfer} transfer of a drop or a paste
 * @returns {Promise<FileEntry[]>}
 */
export async function transferredFiles(transfer) {
  /** @type {FileSystemEntry[]} */
  const roots = [];
  /** @type {FileEntry[]} */
  const loose = [];
  for (const item of [...transfer.items]) {
    if (item.kind !== "file") continue;
    const entry = item.webkitGetAsEntry?.();
    if (entry) roots.push(entry);
    else {
      const file = item.getAsFile();
      if (file) loose.push({ path: file.name, file });
    }
  }
  /** @type {FileSystemFileEntry[]} */
  const found = [];
  for (const root of roots) await walk(root, found);
  return loose.concat(await opened(found));
}

/**
 * @param {Iterable<File>} files of an <input type=file>, with or without webkitdirectory
 * @returns {FileEntry[]}
 */
export const chosenFiles = (files) => [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));

/** @param {FileSystemEntry} entry @param {FileSystemFileEntry[]} found */
async function walk(entry, found) {
  if (entry.isFile) found.push(/** @type {FileSystemFileEntry} */ (entry));
  if (!entry.isDirectory) return;
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    // A reader hands out at most 100 entries a call, and says that it is done with none.
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (batch.length === 0) return;
    for (const child of batch) await walk(child, found);
  }
}

/** @param {FileSystemFileEntry[]} entries @returns {Promise<FileEntry[]>} */
async function opened(entries) {
  /** @type {FileEntry[]} */
  const files = [];
  for (let i = 0; i < entries.length; i += IN_FLIGHT) {
    const batch = entries.slice(i, i + IN_FLIGHT).map(
      (entry) =>
        new Promise((resolve, reject) =>
          entry.file((file) => resolve({ path: entry.fullPath.replace(/^\//, ""), file }), reject),
        ),
    );
    files.push(...(await Promise.all(batch)));
  }
  return files;
}
