/* tslint:disable */
/* eslint-disable */
import type {
    AnalysisSpec, CaptureLine, ConvertOptions, DumpSummary, FormatInfo, InspectRequest, JudgeRequest, Lesson, Mapping, News, PackRequest, Pictures, PlanSummary, Report, Sample, Summary, Value, Verdict,
} from "./core.js";


/**
 * A conversion that goes on.
 */
export class Conversion {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * The next piece of the file; nothing once it is complete.
     */
    nextPiece(): Uint8Array | undefined;
    /**
     * Bytes of K and V that it will write.
     */
    total(): number;
}

/**
 * The user's files and the dump in them.
 */
export class Engine {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Takes a file in, in place of one with the same path; `content` is all of it, where it was read ahead.
     */
    add(path: string, file: File, content?: Uint8Array | number[] | null): void;
    /**
     * Starts to write the dump in another format; `options` are [`ConvertOptions`]. A folder is written as a zip.
     */
    convert(options: Partial<ConvertOptions>): Conversion;
    /**
     * Answers a question ([`InspectRequest`]) of the page: a list of [`CaptureLine`]s, the runs' names by capture, [`Pictures`], a
     * [`Lesson`] or a [`Matter`].
     */
    inspect(request: InspectRequest): CaptureLine[] | string[] | Pictures | Lesson | Matter;
    /**
     * A sweep's report under other thresholds ([`JudgeRequest`]), without another run.
     */
    judge(request: JudgeRequest): Verdict;
    /**
     * One without files.
     */
    constructor();
    /**
     * Starts to write the dump as a `.kvz`, as a [`PackRequest`] says.
     */
    pack(request: PackRequest): Packing;
    /**
     * What an analysis would go through, and what is wrong with its settings (an object of flags and values).
     */
    plan(analysis: string, settings: Record<string, Value>): PlanSummary;
    /**
     * Leaves a run of the dump out; the summary of what is left.
     */
    removeRun(run: string): DumpSummary;
    /**
     * Takes a run in again that was left out; the summary of all that is there then.
     */
    restoreRun(run: string): DumpSummary;
    /**
     * Scans all files; the dump's summary. `added` are the paths that are new: their runs count again, if they were removed before.
     */
    scan(added: string[]): DumpSummary;
    /**
     * How arrays without meta files are to be read ([`Mapping`]). Scans again; the dump's summary.
     */
    setMapping(mapping: Mapping): DumpSummary;
    /**
     * Starts an analysis: of all captures, or of a sample of them ([`Sample`]) for an estimate.
     */
    start(analysis: string, settings: Record<string, Value>, verify: boolean, sample: Sample | null): Session;
}

/**
 * A `.kvz` that is being written.
 */
export class Packing {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * How many of them are written.
     */
    done(): number;
    /**
     * What stands before the parts, once all are there.
     */
    head(): Uint8Array;
    /**
     * How many layers there are.
     */
    layers(): number;
    /**
     * The next part of the file; nothing once all are there.
     */
    nextPart(): Uint8Array | undefined;
    /**
     * What was stored otherwise than asked for, and why.
     */
    notes(): string[];
    /**
     * Bytes of captured queries in it.
     */
    queryBytes(): number;
}

/**
 * An analysis under way.
 */
export class Session {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * What the next capture will need that nothing was said of yet, to be read before its [`Session::step`]: see [`wanted`]. Nothing when
     * no capture is left that is read by itself.
     */
    ahead(): Array<any> | undefined;
    /**
     * The bytes of a file.
     */
    fileBytes(index: number): Uint8Array | undefined;
    /**
     * How many files the report has.
     */
    fileCount(): number;
    /**
     * The name of a file.
     */
    fileName(index: number): string | undefined;
    /**
     * The report, once everything is done. Its rows are left out: they were all in the news.
     */
    finish(): Summary;
    /**
     * Progress and the rows that got ready.
     *
     * # Errors
     * When the analysis can't go on.
     */
    news(): News;
    /**
     * The report on what is known so far; `null` where the analysis can't tell before its end.
     */
    soFar(): Report | null;
    /**
     * Reads the next capture and gives it to the pool (in the serial build: measures it). False when there is nothing to do now: the
     * pool has all it may have, or everything is read.
     */
    step(): boolean;
    /**
     * Lets the captures that wait in the pool go by unmeasured; true when none is being measured any more.
     */
    stop(): boolean;
}

/**
 * The bytes of something wanted.
 */
export function arrived(file: number, start: number, bytes: Uint8Array | number[]): void;

/**
 * Every kind of file that opens.
 *
 * # Errors
 * Never.
 */
export function formats(): FormatInfo[];

export function initThreadPool(num_threads: number): Promise<any>;

/**
 * The analyses and their settings.
 *
 * # Errors
 * Never: no bound of a setting is beyond 2^53.
 */
export function specs(): AnalysisSpec[];

/**
 * The version of kvlens.
 */
export function version(): string;

export class wbg_rayon_PoolBuilder {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    build(): void;
    mainJS(): string;
    numThreads(): number;
    receiver(): number;
}

export function wbg_rayon_start_worker(receiver: number): void;

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly __wbg_conversion_free: (a: number, b: number) => void;
    readonly __wbg_engine_free: (a: number, b: number) => void;
    readonly __wbg_packing_free: (a: number, b: number) => void;
    readonly __wbg_session_free: (a: number, b: number) => void;
    readonly __wbg_wbg_rayon_poolbuilder_free: (a: number, b: number) => void;
    readonly arrived: (a: number, b: number, c: number, d: number) => void;
    readonly conversion_nextPiece: (a: number) => [number, number, number, number];
    readonly conversion_total: (a: number) => number;
    readonly engine_add: (a: number, b: number, c: number, d: any, e: number, f: number) => void;
    readonly engine_convert: (a: number, b: any) => [number, number, number];
    readonly engine_inspect: (a: number, b: any) => [number, number, number];
    readonly engine_judge: (a: number, b: any) => [number, number, number];
    readonly engine_new: () => number;
    readonly engine_pack: (a: number, b: any) => [number, number, number];
    readonly engine_plan: (a: number, b: number, c: number, d: any) => [number, number, number];
    readonly engine_removeRun: (a: number, b: number, c: number) => [number, number, number];
    readonly engine_restoreRun: (a: number, b: number, c: number) => [number, number, number];
    readonly engine_scan: (a: number, b: number, c: number) => [number, number, number];
    readonly engine_setMapping: (a: number, b: any) => [number, number, number];
    readonly engine_start: (a: number, b: number, c: number, d: any, e: number, f: any) => [number, number, number];
    readonly formats: () => [number, number, number];
    readonly initThreadPool: (a: number) => any;
    readonly packing_done: (a: number) => number;
    readonly packing_head: (a: number) => [number, number, number, number];
    readonly packing_layers: (a: number) => number;
    readonly packing_nextPart: (a: number) => [number, number, number, number];
    readonly packing_notes: (a: number) => [number, number];
    readonly packing_queryBytes: (a: number) => number;
    readonly session_ahead: (a: number) => any;
    readonly session_fileBytes: (a: number, b: number) => [number, number];
    readonly session_fileCount: (a: number) => number;
    readonly session_fileName: (a: number, b: number) => [number, number];
    readonly session_finish: (a: number) => [number, number, number];
    readonly session_news: (a: number) => [number, number, number];
    readonly session_soFar: (a: number) => [number, number, number];
    readonly session_step: (a: number) => [number, number, number];
    readonly session_stop: (a: number) => number;
    readonly specs: () => [number, number, number];
    readonly version: () => [number, number];
    readonly wbg_rayon_poolbuilder_build: (a: number) => void;
    readonly wbg_rayon_poolbuilder_mainJS: (a: number) => any;
    readonly wbg_rayon_poolbuilder_numThreads: (a: number) => number;
    readonly wbg_rayon_poolbuilder_receiver: (a: number) => number;
    readonly wbg_rayon_start_worker: (a: number) => void;
    readonly memory: WebAssembly.Memory;
    readonly __wbindgen_export: WebAssembly.Table;
    readonly __wbindgen_malloc: (a: number, b: number) => number;
    readonly __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
    readonly __wbindgen_free: (a: number, b: number, c: number) => void;
    readonly __externref_table_alloc: () => number;
    readonly __wbindgen_externrefs: WebAssembly.Table;
    readonly __externref_table_dealloc: (a: number) => void;
    readonly __externref_drop_slice: (a: number, b: number) => void;
    readonly __wbindgen_thread_destroy: (a?: number, b?: number, c?: number) => void;
    readonly __wbindgen_start: (a: number) => void;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput, memory?: WebAssembly.Memory, thread_stack_size?: number }} module - Passing `SyncInitInput` directly is deprecated.
 * @param {WebAssembly.Memory} memory - Deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput, memory?: WebAssembly.Memory, thread_stack_size?: number } | SyncInitInput, memory?: WebAssembly.Memory): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput>, memory?: WebAssembly.Memory, thread_stack_size?: number }} module_or_path - Passing `InitInput` directly is deprecated.
 * @param {WebAssembly.Memory} memory - Deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path: { module_or_path: InitInput | Promise<InitInput>, memory?: WebAssembly.Memory, thread_stack_size?: number } | InitInput | Promise<InitInput>, memory?: WebAssembly.Memory): Promise<InitOutput>;
