// Files as a browser hands them over (dropped, chosen, pasted), as a flat list of paths and File objects. Nothing is read here.

/** @import { FileEntry } from "./engine/types.js" */

/** Asking for all File objects of a big folder at once makes browsers stall; one at a time is slow. */
const IN_FLIGHT = 64;

/** @typedef {{ path: string, open: () => Promise<File> }} Found */

/**
 * @typedef {object} News
 * @property {(files: number) => void} [onFiles]     how many there are so far
 * @property {(path: string) => void} [onUnreadable]  a file or folder that the browser does not give, and that is left out
 */

/**
 * Must be called in the event itself: the browser empties the transfer afterwards.
 * @param {DataTransfer} transfer of a drop or a paste
 * @param {News} [news]
 * @returns {Promise<FileEntry[]>}
 */
export async function transferredFiles(transfer, news = {}) {
  const roots = [...transfer.items]
    .filter(({ kind }) => kind === "file")
    .map((item) => {
      const entry = item.webkitGetAsEntry?.();
      return { handle: handleOf(item), entry, file: entry ? null : item.getAsFile() };
    });
  /** @type {Found[]} */
  const found = [];
  for (const { handle, entry, file } of roots) {
    const usable = await handle;
    if (usable) await walkHandle(usable, usable.name, found, news);
    else if (entry) await walkEntry(entry, found, news);
    else if (file) found.push({ path: file.name, open: async () => file });
  }
  return opened(found, news);
}

/**
 * @param {Iterable<File>} files of an <input type=file>, with or without webkitdirectory
 * @returns {FileEntry[]}
 */
export const chosenFiles = (files) => [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));

/**
 * Chromium opens the files of a handle in a quarter of the time that those of an entry take; others have no handles.
 * @param {DataTransferItem} item
 * @returns {Promise<FileSystemHandle | null>}
 */
async function handleOf(item) {
  try {
    return (await /** @type {any} */ (item).getAsFileSystemHandle?.()) ?? null;
  } catch {
    // Refused for folders like the user's home, and in a foreign frame: an entry may still do.
    return null;
  }
}

/** @param {FileSystemHandle} handle @param {string} path @param {Found[]} found @param {News} news */
async function walkHandle(handle, path, found, news) {
  if (handle.kind === "file") {
    found.push({ path, open: () => /** @type {FileSystemFileHandle} */ (handle).getFile() });
    return;
  }
  try {
    for await (const child of /** @type {FileSystemDirectoryHandle} */ (handle).values())
      await walkHandle(child, `${path}/${child.name}`, found, news);
  } catch {
    news.onUnreadable?.(path);
  }
}

/** @param {FileSystemEntry} entry @param {Found[]} found @param {News} news */
async function walkEntry(entry, found, news) {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    found.push({ path, open: () => new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject)) });
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    // A reader hands out at most 100 entries a call, and says that it is done with none.
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)).catch(() => null);
    if (!batch) news.onUnreadable?.(path);
    if (!batch?.length) return;
    for (const child of batch) await walkEntry(child, found, news);
  }
}

/** @param {Found[]} found @param {News} news @returns {Promise<FileEntry[]>} */
async function opened(found, { onFiles, onUnreadable }) {
  /** @type {FileEntry[]} */
  const files = [];
  for (let i = 0; i < found.length; i += IN_FLIGHT) {
    const batch = found.slice(i, i + IN_FLIGHT).map(async ({ path, open }) => {
      const file = await open().catch(() => null);
      if (file) files.push({ path, file });
      else onUnreadable?.(path);
    });
    await Promise.all(batch);
    onFiles?.(files.length);
  }
  return files;
}
