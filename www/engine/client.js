// The page's side of the engine: with types.js, errors.js and isolation.js all of www/engine that the page's views import.
// Every method is a message to the coordinator worker, which owns the wasm instance; the page never blocks.
// After a trap (out of memory, a bug) the worker is replaced and gets the files again, so the next call works.

import { EngineError } from "./errors.js";
import { isolate } from "./isolation.js";
import { pause } from "./pause.js";
import { script } from "./scripts.js";
import { Threads } from "./threads.js";

/** @import { AnalysisSpec, CaptureLine, ConvertOptions, DumpSummary, FormatInfo, JudgeRequest, Kv, Mapping, PackRequest } from "./core.js" */
/** @import { Lesson, LessonRequest, Matter, MatterRequest, Pictures } from "./core.js" */
/** @import { PlanSummary, Row, Verdict } from "./core.js" */
/** @import { EngineInfo, EngineKind, FileEntry, Packed, RunOptions, RunRequest, RunResult, Settings, StartOptions } from "./types.js" */
/** @import { WriteOptions } from "./types.js" */

/** More threads than this gain little and cost memory. */
const MAX_THREADS = 16;
/** A worker that does not start within this time never will. */
const START_MS = 20_000;
/** A cancelled worker that is still busy after this time is replaced. */
const CANCEL_MS = 150;
/** The same after an estimate, which nobody sees being cancelled: a fresh worker that is given many files takes longer. */
const CANCEL_ESTIMATE_MS = 500;
/** A cancelled run has this long to tell what it has measured since it last told. */
const LAST_ROWS_MS = 100;

/** Most files per message to the worker; and how many such messages may be unanswered. */
const MAX_FILES = 1024;
const MAX_UNANSWERED = 4;
/** Time slice for posting files before yielding to the page, ms. */
const POST_MS = 8;
/** Minimum interval between progress messages, ms. */
const PROGRESS_MS = 100;

/**
 * @typedef {object} Call
 * @property {(result: any) => void} resolve
 * @property {(error: EngineError) => void} reject
 * @property {(message: any) => void} [news]
 */

export class Engine {
  /** @type {EngineInfo} what runs, and why */
  info;
  /** @type {Worker | undefined} the coordinator */
  #worker;
  /** @type {Threads | undefined} its pool */
  #threads;
  /** @type {Promise<void>} the worker is there and has the files */
  #ready = Promise.resolve();
  /** @type {Map<number, Call>} */
  #calls = new Map();
  #lastId = 0;
  /** @type {Map<string, File>} what a fresh worker is given */
  #files = new Map();
  /** @type {Set<string>} */
  #removed = new Set();
  #running = false;
  /** @type {Mapping | undefined} */
  #mapping;
  /** Whether the worker has started and has the files. */
  #started = false;
  /** @type {number | undefined} */
  #memoryMiB;

  /** @param {EngineInfo} info @param {number} [memoryMiB] */
  constructor(info, memoryMiB) {
    this.info = info;
    this.#memoryMiB = memoryMiB;
  }

  /**
   * Starts the best engine that this page can have; it may reload the page once to get it. `startOptions()` makes the options from
   * the page's address.
   * @param {StartOptions} [options]
   * @returns {Promise<Engine>}
   */
  static async start(options = {}) {
    const isolation = await isolate();
    const serial = options.kind === "serial";
    if (!serial && !isolation) {
      const threads = Math.min(options.threads ?? navigator.hardwareConcurrency ?? 1, MAX_THREADS);
      try {
        return await Engine.#of("threads", threads, "", options.memoryMiB);
      } catch (error) {
        if (options.kind === "threads") throw error;
        const reason = `threads do not start here (${/** @type {Error} */ (error).message})`;
        return Engine.#of("serial", 1, reason);
      }
    }
    return Engine.#of("serial", 1, serial ? "as the address asks" : isolation);
  }

  /**
   * @param {EngineKind} kind
   * @param {number} threads
   * @param {string} reason
   * @param {number} [memoryMiB]
   */
  static async #of(kind, threads, reason, memoryMiB) {
    const count = `${threads} ${threads === 1 ? "thread" : "threads"}`;
    const label = reason ? `${count}: ${reason}` : `${count}, SIMD`;
    const engine = new Engine({ kind, threads, reason, label, memoryMax: 0, version: "" }, memoryMiB);
    engine.#ready = engine.#open();
    try {
      await engine.#ready;
    } catch (error) {
      engine.stop();
      throw error;
    }
    return engine;
  }

  /** The analyses and their parameters. @returns {Promise<AnalysisSpec[]>} */
  specs() {
    return this.#ask("specs", {});
  }

  /** Every kind of file that opens. @returns {Promise<FormatInfo[]>} */
  formats() {
    return this.#ask("formats", {});
  }

  /**
   * Adds files to the dump and scans it. Metadata is read now, tensors when their turn comes.
   * A file whose path is there already is replaced.
   * @param {FileEntry[]} entries
   * @param {{ onProgress?: (taken: number, total: number) => void }} [options]
   * @returns {Promise<DumpSummary>}
   */
  async addFiles(entries, { onProgress } = {}) {
    const summary = await this.#again(() => this.#give(entries, onProgress));
    for (const { path, file } of entries) this.#files.set(path, file);
    for (const { run } of summary.runs) this.#removed.delete(run);
    return summary;
  }

  /**
   * @param {string} run of a RunSummary
   * @returns {Promise<DumpSummary>}
   */
  async removeRun(run) {
    const summary = await this.#ask("removeRun", { run });
    this.#removed.add(run);
    return summary;
  }

  /**
   * Takes a run in again that was left out.
   * @param {string} run
   * @returns {Promise<DumpSummary>}
   */
  async restoreRun(run) {
    const summary = await this.#ask("restoreRun", { run });
    this.#removed.delete(run);
    return summary;
  }

  /**
   * Says how arrays without meta files are to be read, and scans again.
   * @param {Mapping} mapping
   * @returns {Promise<DumpSummary>}
   */
  async setMapping(mapping) {
    const summary = await this.#ask("setMapping", { mapping });
    this.#mapping = mapping;
    return summary;
  }

  /**
   * The dump, or a sample of it, in another format; options as of `kvlens convert`.
   * @param {Partial<ConvertOptions>} options
   * @param {WriteOptions} [news] progress in bytes
   * @returns {Promise<{ blob: Blob, overflows: number }>} the file, and how many of its values are infinite for want of room in their new type
   */
  convert(options, news) {
    return this.#write("convert", { options }, news);
  }

  /**
   * The dump as one `.kvz`, K and V stored as the request says.
   * @param {PackRequest} request
   * @param {WriteOptions} [news] progress in layers
   * @returns {Promise<Packed>}
   */
  pack(request, news) {
    return this.#write("pack", { request }, news);
  }

  /**
   * Has a file written, until `signal` ends it.
   * @param {"convert" | "pack"} method
   * @param {object} args
   * @param {WriteOptions} [options]
   */
  async #write(method, args, { signal, onProgress } = {}) {
    const cancelled = new EngineError("cancelled", "cancelled");
    // Cancelled while the caller still waited for the engine.
    if (signal?.aborted) throw cancelled;
    const written = this.#call(method, args, ({ progress }) => signal?.aborted || onProgress?.(progress.read, progress.total));
    written.catch(() => {});
    let abort = () => {};
    const aborted = new Promise((_, reject) => {
      // What went wrong meanwhile concerns the next call.
      abort = () =>
        void this.#cancel("cancelFile", CANCEL_MS, { method })
          .catch(() => {})
          .then(() => reject(cancelled));
    });
    signal?.addEventListener("abort", abort, { once: true });
    try {
      // A file that was ready at that moment is not given out either.
      return await Promise.race([written.finally(() => (signal?.aborted ? aborted : undefined)), aborted]);
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /**
   * What a run would go through, and what is wrong with the settings: cheap enough for every key stroke.
   * @param {string} analysis
   * @param {Settings} settings
   * @returns {Promise<PlanSummary>}
   */
  plan(analysis, settings) {
    return this.#ask("plan", { analysis, settings });
  }

  /**
   * A sweep's report under other thresholds, without another run.
   * @param {JudgeRequest} request
   * @returns {Promise<Verdict>}
   */
  judge(request) {
    return this.#ask("judge", request);
  }

  /**
   * Runs an analysis. One at a time: a second call while one runs rejects.
   * @param {RunRequest} request
   * @param {RunOptions} [options]
   * @returns {Promise<RunResult>}
   */
  async run(request, { signal, onProgress, onRows, onSoFar } = {}) {
    if (this.#running) throw new EngineError("settings", "a run is going on");
    this.#running = true;
    let abort = () => {};
    let over = false;
    try {
      /** @type {Row[]} */
      const all = [];
      const result = this.#call("run", request, ({ progress, rows, soFar }) => {
        if (over) return;
        if (soFar) return onSoFar?.(soFar);
        for (const row of rows) all.push(row);
        if (rows.length) onRows?.(rows);
        onProgress?.(progress);
      });
      result.catch(() => {});
      const [withinMs, lastRowsMs] = request.sample ? [CANCEL_ESTIMATE_MS, 0] : [CANCEL_MS, LAST_ROWS_MS];
      const aborted = new Promise((_, reject) => {
        abort = () => {
          this.#cancel("cancel", withinMs).catch(() => {});
          setTimeout(reject, lastRowsMs, new EngineError("cancelled", "cancelled"));
        };
      });
      if (signal?.aborted) abort();
      signal?.addEventListener("abort", abort, { once: true });
      const done = /** @type {RunResult} */ (await Promise.race([result, aborted]));
      // They came in parts; in one piece they would hold the page up.
      done.report.rows = all;
      return done;
    } finally {
      over = true;
      signal?.removeEventListener("abort", abort);
      this.#running = false;
    }
  }

  /** What can be inspected: the longest capture of each layer of each run. @returns {Promise<CaptureLine[]>} */
  captures() {
    return this.#ask("captures", null);
  }

  /** Name of the run of each capture. @returns {Promise<string[]>} */
  runOf() {
    return this.#ask("runOf", null);
  }

  /** Numbers for pictures of a capture's K and V. @param {number} capture @returns {Promise<Pictures>} */
  pictures(capture) {
    return this.#ask("pictures", capture);
  }

  /** How much a capture's errors matter to the model. @param {number} capture @param {MatterRequest} setting @returns {Promise<Matter>} */
  matter(capture, setting) {
    return this.#ask("matter", { capture, setting });
  }

  /**
   * One vector of a capture's K or V on its way through compression.
   * @param {number} capture @param {Kv} tensor @param {LessonRequest} request
   * @returns {Promise<Lesson>}
   */
  lesson(capture, tensor, request) {
    return this.#ask("lesson", { capture, tensor, request });
  }

  /** Ends the worker. */
  stop() {
    this.#terminate();
    this.#fail(new EngineError("stopped", "the engine was stopped"));
    this.#ready = Promise.reject(new EngineError("stopped", "the engine was stopped"));
    this.#ready.catch(() => {});
  }

  /** What no cancelling is meant for: the next worker answers where one that was given up took the question with it. @param {string} method @param {any} args */
  #ask(method, args) {
    return this.#again(() => this.#send(method, args));
  }

  /** @template T @param {() => Promise<T>} ask @returns {Promise<T>} */
  async #again(ask) {
    for (;;) {
      await this.#ready;
      const worker = this.#worker;
      try {
        return await ask();
      } catch (error) {
        const givenUp = error instanceof EngineError && error.code === "cancelled";
        if (!givenUp || this.#worker === worker) throw error;
      }
    }
  }

  /**
   * @param {string} method
   * @param {any} args
   * @param {(message: any) => void} [news]
   */
  async #call(method, args, news) {
    await this.#ready;
    return this.#send(method, args, news);
  }

  /**
   * @param {string} method
   * @param {any} args
   * @param {(message: any) => void} [news]
   * @returns {Promise<any>}
   */
  #send(method, args, news) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject, news });
      this.#worker?.postMessage({ id, method, args });
    });
  }

  /** A fresh worker and its pool, with all that the page has given so far. */
  async #open() {
    const worker = new Worker(script("coordinator"), { type: "module", name: "coordinator" });
    this.#worker = worker;
    this.#started = false;
    worker.onmessage = ({ data, ports }) => {
      if (this.#worker !== worker) return;
      if (data.pool) void this.#threads?.enter(data.pool).then(() => ports[0].postMessage("entered"));
      else this.#receive(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      if (this.#worker === worker) this.#fail(new EngineError("start", event.message || "the worker did not load"));
    };
    const { kind, threads } = this.info;
    /** @type {(error: EngineError) => void} */
    let stillborn = () => {};
    const dead = new Promise((_, reject) => (stillborn = reject));
    const late = setTimeout(() => stillborn(new EngineError("start", "the worker does not answer")), START_MS);
    if (kind === "threads") {
      this.#threads = new Threads(threads, (error) => {
        stillborn(error);
        if (this.#worker === worker) this.#die(error);
      });
    }
    await Promise.race([this.#start(), dead]).finally(() => clearTimeout(late));
    if (this.#mapping) await this.#send("setMapping", { mapping: this.#mapping });
    if (this.#files.size) {
      await this.#give([...this.#files].map(([path, file]) => ({ path, file })));
      for (const run of this.#removed) await this.#send("removeRun", { run });
    }
    this.#started = true;
  }

  /**
   * Gives files to the worker and has it scan. Of a chosen file Chromium gets size and date when it is first asked for them or posts it,
   * and holds the page up for each: so they go a few at a time, and the worker reads the first while the page asks for the next.
   * @param {FileEntry[]} entries
   * @param {(taken: number, total: number) => void} [onProgress]
   * @returns {Promise<DumpSummary>}
   */
  async #give(entries, onProgress) {
    const worker = this.#worker;
    /** @type {Promise<void>[]} */
    const going = [];
    let taken = 0;
    let told = -Infinity;
    /** @param {FileEntry[]} some */
    const take = async (some) => {
      await this.#send("takeFiles", { entries: some });
      taken += some.length;
      if (performance.now() - told < PROGRESS_MS) return;
      told = performance.now();
      onProgress?.(taken, entries.length);
    };
    for (let next = 0; next < entries.length;) {
      const until = performance.now() + POST_MS;
      let end = next;
      do void entries[end++].file.size;
      while (end < entries.length && end - next < MAX_FILES && performance.now() < until);
      const some = take(entries.slice(next, end));
      // Of several that fail the first is told.
      some.catch(() => {});
      going.push(some);
      next = end;
      if (going.length > MAX_UNANSWERED) await going.shift();
      await pause(0);
      if (this.#worker !== worker) {
        await Promise.all(going);
        throw new EngineError("cancelled", "cancelled");
      }
    }
    await Promise.all(going);
    return this.#send("scan", { added: entries.map(({ path }) => path) });
  }

  async #start() {
    const { kind, threads } = this.info;
    Object.assign(this.info, await this.#send("start", { kind, threads, memoryMiB: this.#memoryMiB }));
  }

  /** @param {any} message of the worker */
  #receive({ id, result, error, ...news }) {
    if (error?.fatal) return this.#die(new EngineError(error.code, error.message));
    const call = this.#calls.get(id);
    if (!call) return;
    if (error) call.reject(new EngineError(error.code, error.message));
    else if (result !== undefined) call.resolve(result);
    else return call.news?.(news);
    this.#calls.delete(id);
  }

  /** @param {EngineError} error that ends all calls */
  #fail(error) {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { reject } of calls) reject(error);
  }

  /** @param {EngineError} error after which the instance can't be used */
  #die(error) {
    this.#fail(error);
    // A worker that dies while it starts would only die again.
    if (this.#started) this.#renew();
  }

  #renew() {
    this.#terminate();
    this.#ready = this.#open();
    this.#ready.catch(() => {});
  }

  #terminate() {
    this.#worker?.terminate();
    this.#threads?.terminate();
    this.#worker = this.#threads = undefined;
  }

  /**
   * Ends what the worker does. What is asked next waits until the worker, or its successor, is ready.
   * @param {"cancel" | "cancelFile"} method
   * @param {number} withinMs
   * @param {object} [args]
   * @returns {Promise<unknown>} resolves when nothing of it goes on
   */
  #cancel(method, withinMs, args = {}) {
    // One after the other: of two at a time the second would end the worker that the first is starting.
    const ended = this.#ready.then(() => this.#end(method, withinMs, args));
    this.#ready = ended.then((isWorkerGone) => (isWorkerGone ? this.#open() : undefined));
    this.#ready.catch(() => {});
    return ended;
  }

  /**
   * Waits for the worker to be idle again, or ends it.
   * @param {"cancel" | "cancelFile"} method
   * @param {number} withinMs
   * @param {object} args
   * @returns {Promise<boolean>} whether it was ended, so that another one has to be started
   */
  async #end(method, withinMs, args) {
    const worker = this.#worker;
    const late = new Promise((resolve) => setTimeout(resolve, withinMs, false));
    const idle = await Promise.race([this.#send(method, { ...args, withinMs }).catch(() => false), late]);
    // One that died meanwhile has its successor, which must not be ended while it starts.
    if (idle || this.#worker !== worker) return false;
    this.#fail(new EngineError("cancelled", "cancelled"));
    this.#terminate();
    return true;
  }
}

/**
 * @param {string} [search] of the page's address
 * @returns {StartOptions}
 */
export function startOptions(search = location.search) {
  const query = new URLSearchParams(search);
  /** @param {string} name */
  const positive = (name) => {
    const n = Number(query.get(name));
    return Number.isInteger(n) && n > 0 ? n : undefined;
  };
  return {
    kind: query.get("engine") === "serial" ? "serial" : undefined,
    threads: positive("threads"),
    memoryMiB: positive("memory"),
  };
}
