/**
 * What the page and its workers say to each other, as types; what the core says is in core.d.ts. Nothing here runs.
 *
 * @import { Progress as CoreProgress, Report, Row, Sample } from "./core.js"
 *
 * @typedef {"threads" | "serial"} EngineKind
 *
 * @typedef {object} EngineInfo
 * @property {EngineKind} kind     which of the two wasm builds runs
 * @property {number} threads      rayon workers (1 in the serial build)
 * @property {string} reason       why this kind, for people: "", or "this page is not cross-origin isolated"
 * @property {string} label        the badge: "8 threads, SIMD" / "1 thread: this page is not cross-origin isolated"
 * @property {number} memoryMax    bytes that the wasm memory may grow to
 * @property {string} version      of kvlens
 *
 * @typedef {object} StartOptions
 * @property {EngineKind} [kind]     take this build, where the page allows it (default: the best; `?engine=serial`)
 * @property {number} [threads]      rayon workers (default: the machine's cores, at most 16; `?threads=N`)
 * @property {number} [memoryMiB]    upper bound of the wasm memory (default 4096, less where that is refused; `?memory=MiB`)
 *
 * One file that the user dropped or chose. `path` has "/" between its parts and starts with the dropped folder's name.
 * @typedef {{ path: string, file: File }} FileEntry
 *
 * Texts by flag, as on the command line; what is absent has its default.
 * @typedef {Record<string, string>} Settings
 *
 * @typedef {object} RunRequest
 * @property {string} analysis
 * @property {Settings} settings
 * @property {boolean} [verify]        decode lossless tensors again and compare bit for bit
 * @property {Sample} [sample]         a part of the dump instead of all, for an estimate
 *
 * @typedef {CoreProgress & { elapsedMs: number }} Progress
 *
 * @typedef {object} RunOptions
 * @property {AbortSignal} [signal]                   `run` then rejects with the code "cancelled", within 200 ms
 * @property {(progress: Progress) => void} [onProgress]  at most about every 50 ms
 * @property {(rows: Row[]) => void} [onRows]         rows in dump order, as they get ready; each row once
 * @property {(report: Report) => void} [onSoFar]     what is known so far, where the analysis can tell before its end
 *
 * @typedef {object} WriteOptions  of a file that is written
 * @property {AbortSignal} [signal]                   the call then rejects with the code "cancelled", once nothing is written any more
 * @property {(done: number, total: number) => void} [onProgress]
 *
 * @typedef {{ name: string, bytes: Uint8Array<ArrayBuffer> }} ReportFile
 *
 * @typedef {object} RunResult
 * @property {Report} report
 * @property {ReportFile[]} files  what the command line would have written
 * @property {number} elapsedMs
 * @property {number} workers      how many different threads measured at least one capture
 */

/**
 * Why something did not work. `message` says what, `hint` what to try.
 * @typedef {"cancelled" | "settings" | "dump" | "memory" | "network" | "panic" | "start" | "stopped"} EngineErrorCode
 */
export {};

/**
 * @typedef {object} Packed  a dump as a `.kvz`
 * @property {Blob} blob
 * @property {number} headBytes  of its index
 * @property {number} queryBytes  of captured queries
 * @property {string[]} notes  what was stored otherwise than asked for
 */
