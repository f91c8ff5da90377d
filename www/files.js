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
    if (usable || entry) await walk({ handle: usable, entry, path: usable?.name ?? entry?.name ?? "" }, found, news);
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

/**
 * A file or folder as a handle, as an entry, or as both. Chromium's handles leave out every name that would be unsafe to write
 * (`2026-11-25T21:55:13`, `CON`, `x.lnk`, `what?`, a leading space, a trailing dot) without a word; entries have them all.
 * @typedef {object} Dropped
 * @property {FileSystemHandle | null} handle
 * @property {FileSystemEntry | null | undefined} entry
 * @property {string} path
 */

/** @param {Dropped} node @param {Found[]} found @param {News} news */
async function walk({ handle, entry, path }, found, news) {
  if (handle ? handle.kind === "file" : entry?.isFile) {
    found.push({ path, open: () => fileOf({ handle, entry, path }) });
    return;
  }
  const [handles, entries] = await Promise.all([
    childrenOf(handle && /** @type {FileSystemDirectoryHandle} */ (handle).values()),
    childrenOf(entry && entriesIn(/** @type {FileSystemDirectoryEntry} */ (entry))),
  ]);
  if (!handles.complete || !entries.complete) news.onUnreadable?.(path);
  for (const name of new Set([...handles.byName.keys(), ...entries.byName.keys()])) {
    const child = { handle: handles.byName.get(name) ?? null, entry: entries.byName.get(name), path: `${path}/${name}` };
    await walk(child, found, news);
  }
}

/** @param {Dropped} node @returns {Promise<File>} */
async function fileOf({ handle, entry }) {
  const ofEntry = () => new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
  if (!handle) return ofEntry();
  const file = /** @type {FileSystemFileHandle} */ (handle).getFile();
  return entry ? file.catch(ofEntry) : file;
}

/**
 * @template {{ name: string }} T
 * @param {AsyncIterable<T> | null | undefined} listing of a folder
 * @returns {Promise<{ byName: Map<string, T>, complete: boolean }>} what the browser gives of it, and whether that is all
 */
async function childrenOf(listing) {
  /** @type {Map<string, T>} */
  const byName = new Map();
  try {
    if (listing) for await (const child of listing) byName.set(child.name, child);
    return { byName, complete: true };
  } catch {
    return { byName, complete: false };
  }
}

/** @param {FileSystemDirectoryEntry} folder @returns {AsyncIterable<FileSystemEntry>} */
async function* entriesIn(folder) {
  const reader = folder.createReader();
  for (;;) {
    // A reader hands out at most 100 entries a call, and says that it is done with none.
    const batch = /** @type {FileSystemEntry[]} */ (await new Promise((resolve, reject) => reader.readEntries(resolve, reject)));
    if (batch.length === 0) return;
    yield* batch;
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

/** Files that are looked at to tell whether a dump is the one that is there already. */
const COMPARED = 50;

/**
 * The same files where nothing of them is there yet, or where they are those that are there; of another dump with the same names all under a
 * name of their own ("dump (2)"), so that neither takes the other's place.
 * @param {FileEntry[]} entries @param {Map<string, FileEntry>} taken by path
 */
export function apart(entries, taken) {
  const clashes = entries.filter(({ path }) => taken.has(path)).slice(0, COMPARED);
  const differ = clashes.some(({ path, file }) => {
    const known = taken.get(path)?.file;
    return known && (known.size !== file.size || known.lastModified !== file.lastModified);
  });
  if (!differ) return entries;
  for (let n = 2; ; n++) {
    const renamed = entries.map(({ path, file }) => ({ path: numbered(path, n, entries.length === 1), file }));
    if (!renamed.some(({ path }) => taken.has(path))) return renamed;
  }
}

/** @param {string} path @param {number} n @param {boolean} alone */
function numbered(path, n, alone) {
  const [top, ...inner] = path.split("/");
  if (inner.length > 0) return [`${top} (${n})`, ...inner].join("/");
  // Files that name each other keep their names.
  return alone ? top.replace(/(\.[^.]*)?$/, ` (${n})$1`) : `files (${n})/${top}`;
}
