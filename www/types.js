/**
 * The page's state, and the parts of the core's JSON that views read (src/analysis/settings.rs and rows.rs). Nothing here runs.
 *
 * @import { AnalysisSpec, DumpSummary, EngineInfo, Mapping, Plan, Problem, Progress, ReportFile } from "./engine/types.js"
 *
 * Texts by flag, as on the command line.
 * @typedef {Record<string, string>} Settings
 *
 * @typedef {{ value: string, label: string }} Choice
 * @typedef {{ type: "int" | "float" | "intList" | "floatList" | "range", min: number, max: number }
 *   | { type: "choice" | "choiceList", choices: Choice[] }
 *   | { type: "switch" }} Kind
 * @typedef {object} Param
 * @property {string} flag
 * @property {string} label
 * @property {string} help
 * @property {string | null} unit
 * @property {"method" | "captures" | "compression" | "report"} section
 * @property {Kind} kind
 * @property {number | string | boolean | (number | string)[]} default
 * @property {{ flag: string, is: string[] } | null} when
 *
 * @typedef {{ mae: number, rmse: number, maxAbs: number, cosine: number }} Errors
 * @typedef {{ rawBytes: number, size: number, ratio: number, extraBytes: number, errors: Errors | null, nonFinite: number, verified: boolean | null }} TensorRow
 * @typedef {{ label: string, bits: number, blockSize: number | null, topkRatio: number | null }} Variant
 * @typedef {{ capture: number, layerId: number, stage: string, seqLen: number, kvHeads: number, headDim: number, lossless: boolean,
 *   variant: Variant, k: TensorRow, v: TensorRow }} Row
 * @typedef {{ rows: number, kRaw: number, vRaw: number, kSize: number, vSize: number, kRatio: number, vRatio: number, kvRatio: number,
 *   kErrors: Errors | null, vErrors: Errors | null }} Weighted
 * @typedef {{ variant: Variant, all: Weighted, lossless: Weighted, lossy: Weighted, passes: boolean | null }} Group
 * @typedef {{ analysis: string, settings: Record<string, any>, captures: number, rows: Row[], groups: Group[], headline: number | null,
 *   verifiedLossless: number, verifiedLossy: number, nonFinite: number, nonFiniteIn: { capture: number, tensor: string, values: number }[],
 *   caveats: { kind: string, captures: number, of: number, message: string, mend: { flag: string, value: string } | null, mended: boolean }[] }} Report
 *
 * What went wrong, and what to try.
 * @typedef {{ message: string, hint: string }} Failure
 *
 * @typedef {object} Outcome  one finished (or cancelled) run in the list of runs
 * @property {number} id
 * @property {string} analysis
 * @property {Settings} settings     what differed from the defaults
 * @property {string} dumpName
 * @property {Report | null} report  null when it was cancelled
 * @property {Row[]} rows
 * @property {ReportFile[]} files
 * @property {Problem[]} problems    captures that could not be read when their turn came
 * @property {number} elapsedMs
 * @property {number} bytes
 * @property {number} captures
 * @property {number} capturesTotal
 *
 * @typedef {{ analysis: string, progress: Progress | null, rows: Row[], startedAt: number, cancelling: boolean }} Running
 *
 * @typedef {object} State
 * @property {{ status: "starting" | "ready" | "failed", info: EngineInfo | null, failure: Failure | null }} engine
 * @property {AnalysisSpec[]} specs
 * @property {DumpSummary | null} dump
 * @property {Mapping} mapping               how arrays without meta files are to be read
 * @property {string} beside                 path of the dump that the link names, or ""
 * @property {{ url: URL, bytes: number } | null} offer  a large dump that the link names, to be asked for
 * @property {string | null} reading          what is being read now, in words
 * @property {Failure | null} dumpFailure
 * @property {string} analysis                the chosen tab
 * @property {Record<string, Settings>} values changed values; "" holds those that every analysis has
 * @property {boolean} verify
 * @property {Plan | null} plan
 * @property {Running | null} running
 * @property {Failure | null} runFailure
 * @property {Outcome[]} outcomes             oldest first
 * @property {number | null} shown            id of the outcome on screen
 * @property {number | null} comparedTo       id of the outcome beside it
 * @property {number | null} lesson           step of the lesson, null when it is closed
 * @property {(() => void) | null} update      changes to a newer version that is ready
 */
export {};
