// Errors of the engine: as the page has them, and as its workers tell of them.

/** @import { EngineErrorCode } from "./types.js" */

/** @type {Partial<Record<EngineErrorCode, string>>} */
const HINTS = {
  memory: "The browser gave the page no more memory. Close other tabs, or add ?threads=1 to the page’s address, or use the command line.",
  network: "Check the connection, then reload the page. Once it has loaded, it also works offline.",
  panic: "This is a bug in kvlens. The next run starts afresh; please report it with the text above.",
  start:
    "Reload the page. If that does not help, add ?engine=serial to its address, which needs less of the browser, or use the command line.",
};

export class EngineError extends Error {
  /**
   * @param {EngineErrorCode} code
   * @param {string} message what happened
   * @param {string} [hint] what to try
   */
  constructor(code, message, hint = HINTS[code] ?? "") {
    super(message);
    this.name = "EngineError";
    this.code = code;
    this.hint = hint;
  }
}

/**
 * What the page is told of an error in the coordinator or in a thread of the pool. After a `fatal` one the instance can't be used any
 * more.
 * @param {any} error
 * @returns {{ code: EngineErrorCode, message: string, fatal?: boolean }}
 */
export function describe(error) {
  const message = String(error?.message ?? error);
  if (error?.code) return { code: error.code, message };
  // A Rust panic unwinds and leaves everything usable.
  if (error?.name === "PanicError") return { code: "panic", message };
  // Rust stops by `unreachable` only where memory can't be had; the glue then refuses all other calls, in every thread.
  const memory = /unreachable|Module terminated|memory|allocation/i.test(message);
  const fatal = memory || error instanceof WebAssembly.RuntimeError || error instanceof RangeError;
  if (!fatal) return { code: "start", message };
  return { code: memory ? "memory" : "panic", message: memory ? "Out of memory." : message, fatal };
}
