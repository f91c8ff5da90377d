// What a reader can do with the dump: add files, leave runs out, say how arrays are to be read, look inside.

/** @import { Engine } from "../engine/client.js" */
/** @import { DumpSummary, Mapping, RunSummary } from "../engine/core.js" */
/** @import { FileEntry } from "../engine/types.js" */
/** @import { State } from "../types.js" */
/** @import { Store } from "../store.js" */
import { EngineError } from "../engine/errors.js";
import { inspectorOf } from "../engine/inspector.js";
import { apart, transferredFiles } from "../files.js";
import { count, plural } from "../format.js";
import { failureOf } from "./failure.js";

/** Unreadable files named in the message; the rest are counted. */
const MAX_NAMED = 3;

/** Runs that are not in the dump. @param {RunSummary[]} runs @param {DumpSummary | null} dump */
const without = (runs, dump) => runs.filter(({ run }) => !dump?.runs.some((each) => each.run === run));

/** What tells whether two dumps hold the same. @param {RunSummary[]} runs */
const contents = (runs) => JSON.stringify(runs.map(({ run, captures }) => [run, captures]).sort());

/** @param {FileEntry[]} entries */
const noCapture = (entries) =>
  new EngineError(
    "dump",
    entries.length === 1 ? `No capture in ${entries[0].path}.` : `No capture among ${count(entries.length)} files.`,
    "Drop a whole dump: a capture folder, or what torch.save, mlx-lm, vLLM or llama.cpp wrote. “How to get a dump” shows ways that work.",
  );

/** @param {string[]} paths */
function notGiven(paths) {
  const names = paths.slice(0, MAX_NAMED).join(", ") + (paths.length > MAX_NAMED ? ", …" : "");
  return {
    message: `The browser does not give ${paths.length === 1 ? "this file" : `these ${count(paths.length)} files`}: ${names}`,
    hint: "All others were taken in. See whether you may read them, and whether they are still there; then drop them again.",
  };
}

/** @param {Store<State>} store @param {Promise<Engine>} engine */
export function dumpActions({ get, set }, engine) {
  /** What was taken in, by path. @type {Map<string, FileEntry>} */
  const taken = new Map();
  /** The last change of the dump: each waits for the one before it. @type {Promise<unknown>} */
  let last = Promise.resolve();
  /** Additions under way. */
  let adding = 0;
  /** The dump beside the page that was opened last, and what is in it. */
  let opened = { path: "", contents: "" };

  /** @template T @param {() => Promise<T>} change @returns {Promise<T>} */
  function inTurn(change) {
    const done = last.then(change);
    last = done.catch(() => {});
    return done;
  }

  /** Resolves when the state's dump is the engine's: every change that was begun is made. */
  const settled = () => last;

  /** A link names one dump: with others added to it, it would show less than is on screen. @param {DumpSummary} dump */
  const besideOf = ({ runs }) => (contents(runs) === opened.contents ? opened.path : "");

  /**
   * @param {Promise<FileEntry[]> | FileEntry[]} found
   * @param {string} [beside] path beside the page that a link to this dump can name; none for the reader's own files
   * @returns {Promise<boolean>} whether the dump has captures now
   */
  async function add(found, beside = "") {
    const { dumpFailure } = get();
    set({ reading: "Getting files", dumpFailure: null });
    adding += 1;
    /** @type {Partial<State>} */
    let told = {};
    try {
      const files = await found;
      await inTurn(() => take(files, beside));
    } catch (error) {
      const failure = failureOf(error);
      // Where the reader ended it, the page stands as before.
      told = { dumpFailure: failure.code === "cancelled" ? dumpFailure : failure };
    }
    adding -= 1;
    set({ reading: adding > 0 ? get().reading : null, ...told });
    return (get().dump?.captures ?? 0) > 0;
  }

  /** @param {FileEntry[]} files @param {string} beside */
  async function take(files, beside) {
    const entries = apart(files, taken);
    if (entries.length === 0) throw new EngineError("dump", "There was no file in that.", "Drop a folder or files of a dump.");
    set({ reading: `Reading ${plural(entries.length, "file")}` });
    /** @param {number} read @param {number} total */
    const onProgress = (read, total) => set({ reading: `Reading ${count(read)} of ${count(total)} files` });
    const dump = await (await engine).addFiles(entries, { onProgress });
    for (const entry of entries) taken.set(entry.path, entry);
    const sources = [...new Set([...taken.keys()].map((path) => path.split("/")[0]))];
    if (beside) opened = { path: beside, contents: contents(without(dump.runs, get().dump)) };
    set({ dump, sources, leftOut: without(get().leftOut, dump), beside: besideOf(dump) });
    if (dump.captures === 0 && dump.problems.length === 0 && dump.guesses.length === 0) throw noCapture(entries);
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
    set({ dumpFailure: notGiven(unreadable) });
  }

  /** @param {string} run its name */
  const removeRun = (run) =>
    changeRuns(async () => {
      const dump = await (await engine).removeRun(run);
      // A run that is left out already, by a click before this one, is not left out twice.
      return { dump, leftOut: [...get().leftOut, ...without(get().dump?.runs ?? [], dump)] };
    });

  /** Takes a run that was left out in again. @param {string} run */
  const restoreRun = (run) =>
    changeRuns(async () => {
      const dump = await (await engine).restoreRun(run);
      return { dump, leftOut: without(get().leftOut, dump) };
    });

  /** @param {() => Promise<{ dump: DumpSummary, leftOut: RunSummary[] }>} change */
  const changeRuns = (change) =>
    inTurn(async () => {
      const changed = await change();
      set({ ...changed, beside: besideOf(changed.dump) });
    }).catch((error) => set({ dumpFailure: failureOf(error) }));

  /** @param {Mapping} mapping */
  async function setMapping(mapping) {
    set({ reading: "Reading arrays", dumpFailure: null });
    try {
      await inTurn(async () => {
        const dump = await (await engine).setMapping(mapping);
        // Read otherwise, it is still the same dump.
        if (get().beside) opened.contents = contents(dump.runs);
        set({ mapping, dump: dump.runs.length > 0 || dump.problems.length > 0 || dump.guesses.length > 0 ? dump : null });
      });
    } catch (error) {
      set({ dumpFailure: failureOf(error) });
    } finally {
      set({ reading: null });
    }
  }

  const inspector = inspectorOf(async (question) => question(await engine));

  /** The files of the dump on screen, also those of runs that are left out and may come back. */
  const files = () => [...taken.values()];

  return { files, settled, add, addTransferred, removeRun, restoreRun, setMapping, inspector };
}
