/**
 * The page's state. Nothing here runs.
 *
 * @import { AnalysisSpec, DumpSummary, Engine, Explored, FormatInfo, Mapping, PlanSummary, Problem, Report, Row, RunSummary } from "./engine/core.js"
 * @import { EngineInfo, Progress, ReportFile, Settings } from "./engine/types.js"
 *
 * What went wrong, and what to try.
 * @typedef {{ message: string, hint: string, code?: import("./engine/types.js").EngineErrorCode }} Failure
 *
 * @typedef {object} Outcome  one finished (or cancelled) run in the list of runs
 * @property {number} id              from 1 in each tab
 * @property {number} at              when it ended, ms since 1970; made unique over tabs by a fraction at random
 * @property {string} name           as the reader calls it, "" until then
 * @property {string} analysis
 * @property {Settings} settings     what differed from the defaults
 * @property {string} dumpName
 * @property {RunSummary[]} runs     of the dump at that time
 * @property {string[]} runOf        the run of each capture, where there are several; else empty
 * @property {Report | null} report  null when it was cancelled
 * @property {Row[]} rows
 * @property {ReportFile[]} files
 * @property {Problem[]} problems    captures that could not be read when their turn came
 * @property {Codecs | null} codecs   what other codecs give, once it is known
 * @property {number} elapsedMs
 * @property {number} bytes
 * @property {number} captures
 * @property {number} capturesTotal
 *
 * Sizes of K and V in every codec, of `bytes` of the `of` that a run went through, and which of them was the run's own.
 * @typedef {{ own: string, sizes: Record<string, { k: number, v: number }>, bytes: number, of: number }} Codecs
 *
 * `pace`: the progress when it last went on; what has passed since then is no sign of slower work.
 * @typedef {{ analysis: string, progress: Progress | null, pace: Progress | null, rows: Row[], startedAt: number, cancelling: boolean, soFar: Report | null }} Running
 *
 * What a part of the dump says of an analysis; `of`: bytes that a run goes through.
 * @typedef {{ analysis: string, report: Report, bytes: number, of: number }} Estimate
 *
 * `read` and `total` in bytes; the host need not tell how many there are.
 * @typedef {{ name: string, read: number, total: number | null, cancelled?: boolean }} Fetching
 *
 * @typedef {object} State
 * @property {{ status: "starting" | "ready" | "failed", info: EngineInfo | null, failure: Failure | null }} engine
 * @property {AnalysisSpec[]} specs
 * @property {FormatInfo[]} formats          every kind of file that opens
 * @property {DumpSummary | null} dump
 * @property {string[]} sources              folders, archives and files that were taken in, as they lie on the disk
 * @property {RunSummary[]} leftOut          runs that the reader left out
 * @property {Mapping} mapping               how arrays without meta files are to be read
 * @property {string} beside                 path of the dump that the link names, or ""
 * @property {{ path: string, url: URL, bytes: number | null } | null} offer  a dump that the link names, to be asked for: it is large, or its fetching was cancelled
 * @property {string | null} reading          what is being read now, in words
 * @property {Fetching | null} fetching       the dump beside the page that is being fetched, which comes before it is read
 * @property {Failure | null} dumpFailure
 * @property {string} analysis                the chosen tab
 * @property {Record<string, Settings>} values changed values; "" holds those that every analysis has
 * @property {boolean} verify
 * @property {PlanSummary | null} plan
 * @property {Running | null} running
 * @property {"done" | "cancelled" | "failed" | null} ended  how the last run ended; null before, and where there was nothing to run
 * @property {boolean} writing               a file is being written: nothing else is computed meanwhile
 * @property {Failure | null} runFailure
 * @property {Outcome[]} outcomes             oldest first
 * @property {number | null} shown            id of the outcome on screen
 * @property {number | null} comparedTo       id of the outcome beside it
 * @property {Estimate | null} estimate       of the present settings, from a part of the dump
 * @property {Explored | null} glimpse        what explore says of a few layers, before it is run
 * @property {boolean} noGlimpse              explore could not look at these few layers
 * @property {Engine} serve                   the inference engine whose formats the answer names
 * @property {number | null} lesson           step of the lesson, null when it is closed
 * @property {Record<string, string>} lessonPlace  what the lesson shows: layer, tensor, token, ...; empty where it chooses
 * @property {string[]} strangeKeys          what the link says and this page does not know
 * @property {boolean} kept                   runs are kept in this browser, and so survive the tab
 * @property {(() => void) | null} update      changes to a newer version that is ready
 */
export {};
