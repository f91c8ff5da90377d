// The page's side of the engine: the one module of www/engine that the page's views import.
// Every method is a message to the coordinator worker, which owns the wasm instance; the page never blocks.
// After a trap (out of memory, a bug) the worker is replaced and gets the files again, so the next call works.

/** @import { AnalysisSpec, DumpSummary, EngineErrorCode, EngineInfo, FileEntry, Plan, RunOptions, RunRequest, RunResult, Settings, StartOptions } from "./types.js" */

export class EngineError extends Error {
  /**
   * @param {EngineErrorCode} code
   * @param {string} message what happened
   * @param {string} [hint] what to try
   */
  constructor(code, message, hint = "") {
    super(message);
    this.name = "EngineError";
    this.code = code;
    this.hint = hint;
  }
}

export class Engine {
  /**
   * Starts the best engine that this page can have. `startOptions()` reads them from the address (`?engine=`, `?threads=`).
   * @param {StartOptions} [options]
   * @returns {Promise<Engine>}
   */
  static async start(options = {}) {
    throw new EngineError("start", `no engine yet ${JSON.stringify(options)}`);
  }

  /** @type {EngineInfo} */
  get info() {
    throw new EngineError("start", "no engine yet");
  }

  /** The analyses and their parameters. @returns {Promise<AnalysisSpec[]>} */
  async specs() {
    throw new EngineError("start", "no engine yet");
  }

  /**
   * Adds files to the dump and scans it. Metadata is read now, tensors when their turn comes.
   * A file whose path is there already is replaced.
   * @param {FileEntry[]} entries
   * @param {{ onProgress?: (read: number, total: number) => void }} [options]
   * @returns {Promise<DumpSummary>}
   */
  async addFiles(entries, options = {}) {
    throw new EngineError("start", `no engine yet ${entries.length} ${options}`);
  }

  /**
   * @param {string} id of a RunSummary
   * @returns {Promise<DumpSummary>}
   */
  async removeRun(id) {
    throw new EngineError("start", `no engine yet ${id}`);
  }

  /**
   * What a run would go through, and what is wrong with the settings: cheap enough for every key stroke.
   * @param {string} analysis
   * @param {Settings} settings
   * @returns {Promise<Plan>}
   */
  async plan(analysis, settings) {
    throw new EngineError("start", `no engine yet ${analysis} ${settings}`);
  }

  /**
   * Runs an analysis. One at a time: a second call while one runs rejects.
   * @param {RunRequest} request
   * @param {RunOptions} [options]
   * @returns {Promise<RunResult>}
   */
  async run(request, options = {}) {
    throw new EngineError("start", `no engine yet ${request} ${options}`);
  }

  /**
   * Numbers for a picture of the dump or for the lesson (src/analysis/inspect.rs); `request` is its JSON request.
   * @param {Record<string, any>} request
   * @returns {Promise<any>}
   */
  async inspect(request) {
    throw new EngineError("start", `no engine yet ${request}`);
  }

  /** Ends the worker. */
  stop() {}
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
