// Takes in a dump that lies beside the page: the link's, or the sample. While it is fetched the reader sees how far it is, and may end it.

/** @import { FetchOptions } from "../beside.js" */
/** @import { FileEntry } from "../engine/types.js" */
/** @import { State } from "../types.js" */
/** @import { Store } from "../store.js" */
import { ASK_BYTES, besideUrl, fetchedDump, sizeOf } from "../beside.js";
import { failureOf } from "./failure.js";

/**
 * @param {Store<State>} store
 * @param {(files: Promise<FileEntry[]>, beside: string) => Promise<boolean>} add to the dump; tells whether it has captures now
 */
export function fetchActions({ get, set }, add) {
  /** The fetch that goes on. @type {AbortController | null} */
  let fetching = null;

  /**
   * Takes in a dump that lies beside the page, unless the reader ends its fetching.
   * @param {string} path beside the page
   * @param {(options: FetchOptions) => Promise<FileEntry[]>} fetched
   * @param {State["offer"]} [offer] what stands there when it was cancelled
   * @returns {Promise<boolean>} whether the dump has captures now, and was not cancelled
   */
  async function addFetched(path, fetched, offer = get().offer) {
    // Of two that an address names one after the other, the latter counts.
    fetching?.abort();
    const mine = (fetching = new AbortController());
    const name = path.split("/").at(-1) ?? path;
    /** @param {number} read @param {number | null} total */
    const onProgress = (read, total) => fetching === mine && set({ fetching: { name, read, total } });
    onProgress(0, null);
    const files = fetched({ signal: mine.signal, onProgress });
    // Where it is cancelled, reading ends first.
    const over = () => {
      if (fetching === mine && !mine.signal.aborted) set({ fetching: null });
    };
    files.then(over, over);
    const usable = await add(files, path);
    if (!mine.signal.aborted) return usable;
    if (fetching === mine) set({ fetching: null, offer });
    return false;
  }

  function cancelFetch() {
    const now = get().fetching;
    if (now) set({ fetching: { ...now, cancelled: true } });
    fetching?.abort();
  }

  /** The dump that the link names: at once, or where it is large only when asked. @param {boolean} [asked] */
  async function openBeside(asked = false) {
    const { beside, offer } = get();
    // Files of the reader's own, added meanwhile, have taken its name out of the link.
    const path = (asked && offer?.path) || beside;
    try {
      const url = besideUrl(path);
      const bytes = asked ? (offer?.bytes ?? null) : await sizeOf(url);
      if (!asked && bytes !== null && bytes > ASK_BYTES) return set({ offer: { path, url, bytes } });
      set({ offer: null });
      await addFetched(path, (options) => fetchedDump(url, options), { path, url, bytes });
    } catch (error) {
      set({ dumpFailure: failureOf(error) });
    }
  }

  return { addFetched, cancelFetch, openBeside };
}
