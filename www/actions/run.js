// Runs the chosen analysis over the dump, and keeps what came of it.

/** @import { Engine } from "../engine/client.js" */
/** @import { Row } from "../engine/core.js" */
/** @import { Outcome, Running, State } from "../types.js" */
/** @import { Store } from "../store.js" */
import { EngineError } from "../engine/errors.js";
import { changedSettings, isSearch } from "../settings.js";
import { failureOf } from "./failure.js";

/**
 * @param {Store<State>} store @param {Promise<Engine>} engine
 * @param {(outcome: Omit<Outcome, "id" | "at" | "name">) => void} keep takes the result
 * @param {() => Promise<void>} pauseEstimates resolves when the engine is free
 * @param {() => Promise<unknown>} settled resolves when the state's dump is the engine's
 */
export function runActions({ get, set }, engine, keep, pauseEstimates, settled) {
  /** @type {AbortController | null} */
  let abort = null;

  async function run() {
    const state = get();
    if (state.running || state.writing || !state.dump?.captures) return;
    const { analysis, verify } = state;
    /** What is measured. */
    let dump = get().dump;
    const settings = changedSettings(state);
    /** @type {Row[]} */
    const rows = [];
    const { signal } = (abort = new AbortController());
    const startedAt = performance.now();
    set({ running: { analysis, progress: null, pace: null, rows, startedAt, cancelling: false, soFar: null }, runFailure: null });
    /** @type {State["ended"]} */
    let ended = null;
    const about = { analysis, settings, dumpName: "", runs: state.dump.runs, runOf: /** @type {string[]} */ ([]) };
    try {
      await pauseEstimates();
      // What was dropped or left out a moment ago counts, unless the reader does not wait for it.
      await Promise.race([settled(), new Promise((cancelled) => signal.addEventListener("abort", cancelled))]);
      ({ dump } = get());
      if (!dump?.captures) return;
      const { runs } = dump;
      Object.assign(about, { runs, dumpName: runs.map((each) => each.run).join(", ") });
      const ready = await engine;
      // Asked for in one go with the run, so that both are of the same dump.
      const named = runs.length > 1 ? ready.runOf().then((runOf) => (about.runOf = runOf)) : null;
      const going = ready.run(
        { analysis, settings, verify },
        {
          signal,
          onProgress(progress) {
            const { pace = null } = get().running ?? {};
            patch({ progress, pace: pace?.bytes === progress.bytes ? pace : progress });
          },
          onSoFar: (soFar) => patch({ soFar }),
          onRows: (more) => {
            for (const row of more) rows.push(row);
            patch({});
          },
        },
      );
      const [{ report, files, elapsedMs }] = await Promise.all([going, named]);
      const { captures, problems } = report;
      // Explore goes through the dump more than once.
      const bytes = report.explored?.rawBytes ?? get().running?.progress?.bytesTotal ?? 0;
      ended = "done";
      keep({ ...about, report, rows: report.rows, files, problems, codecs: null, elapsedMs, bytes, captures, capturesTotal: captures });
    } catch (error) {
      ended = error instanceof EngineError && error.code === "cancelled" ? "cancelled" : "failed";
      if (ended === "failed") set({ runFailure: failureOf(error) });
      else if (isSearch(get(), analysis)) keepGlimpse(dump);
      else keepPart(about, rows);
    } finally {
      abort = null;
      set({ running: null, ended });
    }
  }

  /** What was measured before the reader cancelled. @param {Pick<Outcome, "analysis" | "settings" | "dumpName" | "runs" | "runOf">} about @param {Row[]} rows */
  function keepPart(about, rows) {
    const progress = get().running?.progress;
    if (progress) keep({ ...about, ...progress, report: null, rows, files: [], problems: [], codecs: null });
  }

  /** What explore found until then is a better glimpse than that of the first few layers. @param {State["dump"]} dump */
  function keepGlimpse(dump) {
    const explored = get().running?.soFar?.explored;
    if (explored?.points.length && get().dump === dump) set({ glimpse: explored });
  }

  /** @param {Partial<Running>} change */
  function patch(change) {
    const { running } = get();
    if (running) set({ running: { ...running, ...change } });
  }

  function cancel() {
    abort?.abort();
    patch({ cancelling: true });
  }

  return { run, cancel };
}
