/**
 * What crosses between the page and the engine, as types. Nothing here runs.
 * Names of fields are those of the Rust structs in camelCase (src/web).
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
 * What the dump holds (src/dump/summary.rs).
 * @typedef {object} DumpSummary
 * @property {number} captures
 * @property {number} bytes                   of K and V together
 * @property {RunSummary[]} runs
 * @property {LayerCount[]} layers            of all runs, by number
 * @property {StageCount[]} stages
 * @property {ShapeCount[]} shapes
 * @property {DtypeCount[]} dtypes
 * @property {TensorGuess[]} guesses          how arrays without meta files were understood, and what is to be asked
 * @property {Problem[]} problems             what could not be used
 * @property {{ file: string, text: string }[]} notes what to know about files that are read all the same
 *
 * One run in it; `run`, its name, goes to `removeRun`.
 * @typedef {object} RunSummary
 * @property {string} run
 * @property {number} captures
 * @property {number} bytes
 * @property {LayerCount[]} layers            by number
 * @property {StageCount[]} stages
 * @property {ShapeCount[]} shapes
 * @property {DtypeCount[]} dtypes
 *
 * @typedef {{ layerId: number, captures: number, bytes: number }} LayerCount
 * How to read arrays whose names or axes can't be told (src/dump/mapping.rs).
 * @typedef {{ tensorNames?: string, axes?: string, bits16?: string }} Mapping
 *
 * Arrays that share a pattern of names and a number of axes; `asks` names the keys of `Mapping` that have to be said.
 * @typedef {object} TensorGuess
 * @property {string[]} files
 * @property {number} count
 * @property {{ name: string, dtype: string, shape: number[] }[]} examples
 * @property {string | null} tensorNames
 * @property {string | null} axes
 * @property {string} reason
 * @property {("tensorNames" | "axes" | "bits16")[]} asks
 *
 * @typedef {{ stage: string, captures: number }} StageCount
 * @typedef {{ seqLen: number, kvHeads: number, headDim: number, captures: number }} ShapeCount
 * @typedef {{ dtype: string, captures: number }} DtypeCount
 *
 * A file that can't be used, or a part of it: what is wrong, in words, and where it is one field: what was found and expected.
 * @typedef {{ file: string, message: string, field?: string, found?: string, expected?: string }} Problem
 *
 * An analysis and its parameters, from the same definitions as the command line's flags.
 * @typedef {object} AnalysisSpec
 * @property {string} name             the command: "mixed", "blocknorm", "sweep", "lossy-compare"
 * @property {string} label
 * @property {string} help
 * @property {ParamSpec[]} params
 *
 * @typedef {object} ParamSpec
 * @property {string} flag             "lossless-first-n"; `--` and it is the flag
 * @property {string} label
 * @property {string} help             one line
 * @property {string | null} unit      "bits", "tokens"
 * @property {"method" | "captures" | "compression" | "report"} section
 * @property {any} kind                type and range: `Kind` of src/analysis/settings.rs
 * @property {any} default
 * @property {{ flag: string, is: string[] } | null} when  it has an effect only when that setting has one of these values
 *
 * Values by flag; what is absent has its default. Values are as on the command line, or as JSON has them.
 * @typedef {Record<string, any>} Settings
 *
 * @typedef {{ flag: string, message: string }} SettingError
 *
 * What a run with these settings would go through; `errors` is empty when it can start.
 * @typedef {{ captures: number, bytes: number, errors: SettingError[] }} Plan
 *
 * @typedef {object} RunRequest
 * @property {string} analysis
 * @property {Settings} settings
 * @property {boolean} [verify]        decode lossless tensors again and compare bit for bit
 *
 * @typedef {object} Progress
 * @property {number} captures         done
 * @property {number} capturesTotal
 * @property {number} bytes            done
 * @property {number} bytesTotal
 * @property {number} elapsedMs
 *
 * A row of the analysis: see src/analysis; it carries more than the CSV.
 * @typedef {Record<string, any>} Row
 *
 * @typedef {object} RunOptions
 * @property {AbortSignal} [signal]                   `run` then rejects with the code "cancelled", within 200 ms
 * @property {(progress: Progress) => void} [onProgress]  at most about every 50 ms
 * @property {(rows: Row[]) => void} [onRows]         rows in dump order, as they get ready; each row once
 *
 * @typedef {{ name: string, bytes: Uint8Array<ArrayBuffer> }} ReportFile
 *
 * @typedef {object} RunResult
 * @property {any} report          groups, figures and rows: `Report` of src/analysis/rows.rs
 * @property {Problem[]} problems  captures that could not be read or decoded when their turn came
 * @property {ReportFile[]} files  what the command line would have written
 * @property {number} elapsedMs
 * @property {number} workers      how many different threads measured at least one capture
 *
 * Why something did not work. `message` says what, `hint` what to try.
 * @typedef {"cancelled" | "settings" | "dump" | "memory" | "panic" | "start" | "stopped"} EngineErrorCode
 */
export {};
