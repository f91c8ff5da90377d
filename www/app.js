// What a reader can do, as functions on the store; the only module of the page that talks to the engine.

/** @import { FileEntry, Mapping } from "./engine/types.js" */
/** @import { Errors, Failure, Outcome, Row, Running, State } from "./types.js" */
/** @import { Store } from "./store.js" */
import { Engine, startOptions } from "./engine/client.js";
import { EngineError } from "./engine/errors.js";
import { onUpdate } from "./engine/isolation.js";
import { changedSettings, withValue } from "./settings.js";
import { hashOf, lessonStep, stateOfHash } from "./link.js";
import { ASK_BYTES, besideUrl, fetchedDump, sizeOf } from "./beside.js";
import { transferredFiles } from "./files.js";
import { sampleFiles } from "./sample.js";
import { count, plural } from "./format.js";
import { createStore } from "./store.js";

/** Of files that can't be had so many are named. */
const MOST_NAMED = 3;
/** How long typing has to pause before the core is asked what a run would go through. */
const PLAN_PAUSE_MS = 150;

/** @returns {State} */
const initialState = () => ({
  engine: { status: "starting", info: null, failure: null },
  specs: [],
  dump: null,
  mapping: {},
  beside: "",
  offer: null,
  reading: null,
  dumpFailure: null,
  analysis: "mixed",
  values: { "": {} },
  verify: true,
  plan: null,
  running: null,
  runFailure: null,
  outcomes: [],
  shown: null,
  comparedTo: null,
  lesson: lessonStep(location.hash),
  update: null,
});

/** @typedef {ReturnType<typeof createApp>} App */

export function createApp() {
  /** @type {Store<State>} */
  const store = createStore(initialState());
  const { get, set } = store;
  const engine = Engine.start(startOptions());
  /** @type {AbortController | null} */
  let abort = null;
  let lastId = 0;

  async function start() {
    void onUpdate((update) => set({ update }));
    try {
      const started = await engine;
      const specs = await started.specs();
      set({ engine: { status: "ready", info: started.info, failure: null }, specs });
      set(stateOfHash(get(), location.hash));
      followSettings();
      if (Object.keys(get().mapping).length > 0) await setMapping(get().mapping);
      if (get().beside) void openBeside();
    } catch (error) {
      set({ engine: { status: "failed", info: null, failure: failureOf(error) } });
    }
  }

  /** Keeps the address and the plan in step with the settings. */
  function followSettings() {
    store.watch(
      ({ analysis, values, verify, lesson, mapping }) => [analysis, values, verify, lesson, mapping],
      () => {
        const hash = hashOf(get());
        if (location.hash.replace(/^#/, "") !== hash)
          history.replaceState(history.state, "", hash ? `#${hash}` : location.pathname + location.search);
      },
    );
    addEventListener("hashchange", () => {
      const { mapping, beside } = get();
      set(stateOfHash(get(), location.hash));
      if (!same(mapping, get().mapping)) void setMapping(get().mapping);
      if (get().beside !== "" && get().beside !== beside) void openBeside();
    });
    let timer = 0;
    store.watch(
      ({ analysis, values, dump, running }) => [analysis, values, dump, running === null],
      () => {
        clearTimeout(timer);
        timer = setTimeout(updatePlan, PLAN_PAUSE_MS);
      },
    );
  }

  async function updatePlan() {
    const { dump, running, analysis } = get();
    if (running) return;
    if (!dump || dump.captures === 0) return set({ plan: null });
    const settings = changedSettings(get());
    try {
      const plan = await (await engine).plan(analysis, settings);
      // An answer to settings that have changed since would be a wrong one.
      if (get().analysis === analysis && same(settings, changedSettings(get()))) set({ plan });
    } catch (error) {
      set({ runFailure: failureOf(error) });
    }
  }

  /** @param {Promise<FileEntry[]> | FileEntry[]} found @returns {Promise<boolean>} whether the dump has captures now */
  async function add(found) {
    set({ reading: "Getting files", dumpFailure: null });
    try {
      const entries = await found;
      if (entries.length === 0) throw new EngineError("dump", "There was no file in that.", "Drop a folder or files of a dump.");
      set({ reading: `Reading ${plural(entries.length, "file")}` });
      const dump = await (
        await engine
      ).addFiles(entries, {
        onProgress: (read, total) => set({ reading: `Reading ${count(read)} of ${count(total)} files` }),
      });
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
    const names = unreadable.slice(0, MOST_NAMED).join(", ") + (unreadable.length > MOST_NAMED ? ", …" : "");
    const message = `The browser does not give ${unreadable.length === 1 ? "this file" : `these ${count(unreadable.length)} files`}: ${names}`;
    set({
      dumpFailure: {
        message,
        hint: "All others were taken in. See whether you may read them, and whether they are still there; then drop them again.",
      },
    });
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

  /** The sample, and its first result at once. */
  async function trySample() {
    const usable = await add(sampleFiles());
    if (usable && get().outcomes.length === 0) await run();
  }

  async function run() {
    const state = get();
    if (state.running || !state.dump?.captures) return;
    const { analysis, verify, dump } = state;
    const settings = changedSettings(state);
    /** @type {Row[]} */
    const rows = [];
    abort = new AbortController();
    /** @type {Running} */
    const started = { analysis, progress: null, rows, startedAt: performance.now(), cancelling: false };
    set({ running: started, runFailure: null });
    const shared = { analysis, settings, dumpName: dump.runs.map((each) => each.run).join(", "), rows };
    try {
      const result = await (
        await engine
      ).run(
        { analysis, settings, verify },
        {
          signal: abort.signal,
          onProgress: (progress) => patchRunning({ progress }),
          onRows: (more) => {
            for (const row of /** @type {Row[]} */ (more)) {
              restoreNaN(row.k.errors, row.v.errors);
              rows.push(row);
            }
            patchRunning({});
          },
        },
      );
      const { report, files, elapsedMs, problems } = result;
      for (const { all, lossless, lossy } of report.groups) {
        for (const { kErrors, vErrors } of [all, lossless, lossy]) restoreNaN(kErrors, vErrors);
      }
      const bytes = get().running?.progress?.bytesTotal ?? 0;
      finish({
        ...shared,
        rows: report.rows,
        report,
        files,
        problems,
        elapsedMs,
        bytes,
        captures: report.captures,
        capturesTotal: report.captures,
      });
    } catch (error) {
      const progress = get().running?.progress;
      if (error instanceof EngineError && error.code === "cancelled") {
        if (progress) {
          finish({
            ...shared,
            report: null,
            files: [],
            problems: [],
            elapsedMs: progress.elapsedMs,
            bytes: progress.bytes,
            captures: progress.captures,
            capturesTotal: progress.capturesTotal,
          });
        }
      } else set({ runFailure: failureOf(error) });
    } finally {
      abort = null;
      set({ running: null });
    }
  }

  /** @param {Partial<Running>} patch */
  function patchRunning(patch) {
    const { running } = get();
    if (running) set({ running: { ...running, ...patch } });
  }

  /** @param {Omit<Outcome, "id">} outcome */
  function finish(outcome) {
    const id = ++lastId;
    set({ outcomes: [...get().outcomes, { id, ...outcome }], shown: id, comparedTo: null });
  }

  function cancel() {
    abort?.abort();
    patchRunning({ cancelling: true });
  }

  return {
    store,
    engine,
    start,
    add,
    addTransferred,
    removeRun,
    trySample,
    openBeside,
    setMapping,
    run,
    cancel,
    /** @param {string} flag @param {string} text */
    setValue: (flag, text) => set({ values: withValue(get(), flag, text) }),
    /** Takes settings that a chart offers, and shows where they went. @param {string} analysis @param {Record<string, string>} settings */
    take(analysis, settings) {
      set({ analysis });
      for (const [flag, text] of Object.entries(settings)) set({ values: withValue(get(), flag, text) });
    },
    /** @param {string} analysis */
    pick: (analysis) => set({ analysis }),
  };
}

/** JSON has no NaN: figures over values that are not finite arrive as null. @param {(Errors | null)[]} all */
function restoreNaN(...all) {
  for (const errors of all) {
    if (!errors) continue;
    for (const name of /** @type {(keyof Errors)[]} */ (Object.keys(errors))) errors[name] ??= NaN;
  }
}

/** @param {unknown} error @returns {Failure} */
function failureOf(error) {
  if (error instanceof EngineError) return { message: error.message, hint: error.hint };
  return { message: error instanceof Error ? error.message : String(error), hint: "Reload the page and try again." };
}

/** @param {object} a @param {object} b */
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
