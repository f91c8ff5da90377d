// What a reader can do with the dump: add files, leave runs out, say how arrays are to be read, look inside, convert.

/** @import { Engine } from "../engine/client.js" */
/** @import { Mapping } from "../engine/core.js" */
/** @import { FileEntry } from "../engine/types.js" */
/** @import { State } from "../types.js" */
/** @import { Store } from "../store.js" */
import { EngineError } from "../engine/errors.js";
import { ASK_BYTES, besideUrl, fetchedDump, sizeOf } from "../beside.js";
import { transferredFiles } from "../files.js";
import { count, plural } from "../format.js";
import { failureOf } from "./failure.js";

/** Unreadable files named in the message; the rest are counted. */
const MAX_NAMED = 3;

/** @param {Store<State>} store @param {Promise<Engine>} engine */
export function dumpActions({ get, set }, engine) {
  /** @param {Promise<FileEntry[]> | FileEntry[]} found @returns {Promise<boolean>} whether the dump has captures now */
  async function add(found) {
    set({ reading: "Getting files", dumpFailure: null });
    try {
      const entries = await found;
      if (entries.length === 0) throw new EngineError("dump", "There was no file in that.", "Drop a folder or files of a dump.");
      set({ reading: `Reading ${plural(entries.length, "file")}` });
      /** @param {number} read @param {number} total */
      const onProgress = (read, total) => set({ reading: `Reading ${count(read)} of ${count(total)} files` });
      const dump = await (await engine).addFiles(entries, { onProgress });
      set({ dump });
      if (dump.captures === 0 && dump.problems.length === 0 && dump.guesses.length === 0) {
        throw new EngineError(
          "dump",
          entries.length === 1 ? `No capture in ${entries[0].path}.` : `No capture among ${count(entries.length)} files.`,
          "A dump holds files meta_*.json with the K and V files that they name beside them. Drop the folder above them.",
        );
      }
    } catch (error) {
      set({ dumpFailure: failureOf(error) });
    } finally {
      set({ reading: null });
    }
    return (get().dump?.captures ?? 0) > 0;
  }

  /** Takes in what was dropped or pasted; must be called in the event itself. @param {DataTransfer} transfer */
  async function addTransferred(transfer) {
    /** @type {string[]} */
    const unreadable = [];
    const found = transferredFiles(transfer, {
      onFiles: (files) => set({ reading: `Getting files, ${count(files)} so far` }),
      onUnreadable: (path) => unreadable.push(path),
    });
    await add(found);
    if (unreadable.length === 0 || get().dumpFailure) return;
    const names = unreadable.slice(0, MAX_NAMED).join(", ") + (unreadable.length > MAX_NAMED ? ", …" : "");
    const message = `The browser does not give ${unreadable.length === 1 ? "this file" : `these ${count(unreadable.length)} files`}: ${names}`;
    const hint = "All others were taken in. See whether you may read them, and whether they are still there; then drop them again.";
    set({ dumpFailure: { message, hint } });
  }

  /** @param {string} run its name */
  async function removeRun(run) {
    try {
      set({ dump: await (await engine).removeRun(run) });
    } catch (error) {
      set({ dumpFailure: failureOf(error) });
    }
  }

  /** The dump that the link names: at once, or where it is large only when asked. @param {boolean} [asked] */
  async function openBeside(asked = false) {
    try {
      const url = besideUrl(get().beside);
      const bytes = asked ? null : await sizeOf(url);
      if (bytes !== null && bytes > ASK_BYTES) return set({ offer: { url, bytes } });
      set({ offer: null });
      await add(fetchedDump(url));
    } catch (error) {
      set({ dumpFailure: failureOf(error) });
    }
  }

  /** @param {Mapping} mapping */
  async function setMapping(mapping) {
    set({ reading: "Reading arrays", dumpFailure: null });
    try {
      const dump = await (await engine).setMapping(mapping);
      set({ mapping, dump: dump.runs.length > 0 || dump.problems.length > 0 || dump.guesses.length > 0 ? dump : null });
    } catch (error) {
      set({ dumpFailure: failureOf(error) });
    } finally {
      set({ reading: null });
    }
  }

  /** @type {Engine["inspect"]} */
  const inspect = async (request) => (await engine).inspect(request);

  /** @type {Engine["convert"]} */
  const convert = async (options, news) => (await engine).convert(options, news);

  return { add, addTransferred, removeRun, openBeside, setMapping, inspect, convert };
}
