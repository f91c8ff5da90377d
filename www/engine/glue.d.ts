/* tslint:disable */
/* eslint-disable */
import type {
    AnalysisSpec, CaptureLine, ConvertOptions, DumpSummary, FormatInfo, JudgeRequest, Kv, Lesson, LessonRequest, Mapping, Matter, MatterRequest, News, PackRequest, Pictures, PlanSummary, Report, Sample, Summary, Value, Verdict,
} from "./core.js";


/**
 * A conversion in progress.
 */
export class Conversion {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * The next piece of the file; `None` at its end.
     */
    nextPiece(): Uint8Array | undefined;
    /**
     * Number of values so far that are infinite in the file, since the type they were rounded to has no room for them.
     */
    overflows(): number;
    /**
     * Bytes of K and V to write.
     */
    total(): number;
}

/**
 * The user's files, and the dump in them.
 */
export class Engine {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Adds a file, or replaces the one with the same path; `content` holds all its bytes if they were read ahead.
     */
    add(path: string, file: File, content?: Uint8Array | number[] | null): void;
    /**
     * The longest capture of each layer of each run: what can be inspected.
     *
     * # Errors
     * Never in practice.
     */
    captures(): CaptureLine[];
    /**
     * Starts writing the dump in another format; `options` are [`ConvertOptions`]. A folder is written as a zip.
     */
    convert(options: Partial<ConvertOptions>): Conversion;
    /**
     * Judges a sweep's report by changed thresholds ([`JudgeRequest`]), without another run.
     */
    judge(request: JudgeRequest): Verdict;
    /**
     * Takes one vector of a capture's K or V through compression, step by step.
     *
     * # Errors
     * When there is no such capture or vector, the capture does not decode, or a setting is out of range.
     */
    lesson(capture: number, tensor: Kv, request: LessonRequest): Lesson;
    /**
     * Compares a capture's errors under a lossy setting by how much they matter to the model.
     *
     * # Errors
     * When there is no such capture, it or its queries do not decode, or the setting is out of range.
     */
    matter(capture: number, setting: MatterRequest): Matter;
    /**
     * An engine without files.
     */
    constructor();
    /**
     * Starts writing the dump as a `.kvz`, as a [`PackRequest`] says.
     */
    pack(request: PackRequest): Packing;
    /**
     * Pictures of both tensors of a capture.
     *
     * # Errors
     * When there is no such capture, or it does not decode.
     */
    pictures(capture: number): Pictures;
    /**
     * What an analysis would measure, and which of its settings (an object from flags to values) are invalid.
     */
    plan(analysis: string, settings: Record<string, Value>): PlanSummary;
    /**
     * Removes a run from the dump; returns the summary of what remains.
     */
    removeRun(run: string): DumpSummary;
    /**
     * Restores a run that was removed; returns the new summary.
     */
    restoreRun(run: string): DumpSummary;
    /**
     * Name of the run of each capture, by the capture's index.
     *
     * # Errors
     * Never in practice.
     */
    runOf(): string[];
    /**
     * Scans all files and returns the dump's summary. `added` are the paths of new files: runs in them that were removed before are
     * restored.
     */
    scan(added: string[]): DumpSummary;
    /**
     * Sets how arrays without meta files are read ([`Mapping`]), scans again and returns the dump's summary.
     */
    setMapping(mapping: Mapping): DumpSummary;
    /**
     * Starts an analysis of all captures or, for an estimate, of a sample ([`Sample`]).
     */
    start(analysis: string, settings: Record<string, Value>, verify: boolean, sample: Sample | null): Session;
}

/**
 * A `.kvz` that is being written. Nothing here waits: the pool stores what was read, and is asked again and again for what is ready.
 */
export class Packing {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Number of layers that are written.
     */
    done(): number;
    /**
     * The head, which precedes the parts; available once all of them are written.
     */
    head(): Uint8Array;
    /**
     * Whether the parts that are out are all of them.
     */
    isDone(): boolean;
    /**
     * Number of layers.
     */
    layers(): number;
    /**
     * The next part of the file, if it is ready.
     */
    nextPart(): Uint8Array | undefined;
    /**
     * Layers that are stored otherwise than requested, and why.
     */
    notes(): string[];
    /**
     * Bytes of captured queries in the file.
     */
    queryBytes(): number;
    /**
     * Lets what waits in the pool go by; true when nothing is being stored any more.
     */
    stop(): boolean;
}

/**
 * An analysis in progress.
 */
export class Session {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * The reads of the next capture that was not announced yet, to be done before its [`Session::step`]: see [`wanted`]. `None` when no
     * separately read capture is left.
     */
    ahead(): Array<any> | undefined;
    /**
     * Contents of the report file at `index`.
     */
    fileBytes(index: number): Uint8Array | undefined;
    /**
     * Number of report files.
     */
    fileCount(): number;
    /**
     * Name of the report file at `index`.
     */
    fileName(index: number): string | undefined;
    /**
     * The report, once everything is measured; without its rows, which the news had already.
     */
    finish(): Summary;
    /**
     * [`Session::news`] of one that is about to be stopped: also rows that wait for others before them in dump order.
     *
     * # Errors
     * When the analysis can't continue.
     */
    lastNews(): News;
    /**
     * Progress, and the rows since the previous call.
     *
     * # Errors
     * When the analysis can't continue.
     */
    news(): News;
    /**
     * A report on the results so far; `null` where the analysis has one only at the end.
     */
    soFar(): Report | null;
    /**
     * Reads the next capture and hands it to the pool (in the serial build, measures it). Returns false when there is nothing to do now:
     * the pool has as much as it may hold, or everything has been read.
     */
    step(): boolean;
    /**
     * Skips the captures that wait in the pool; returns true once none is being measured.
     */
    stop(): boolean;
}

/**
 * Hands over the bytes of a range that [`wanted`] listed.
 */
export function arrived(file: number, start: number, bytes: Uint8Array | number[]): void;

/**
 * Every file format that kvlens opens.
 *
 * # Errors
 * Never in practice.
 */
export function formats(): FormatInfo[];

export function initThreadPool(num_threads: number): Promise<any>;

/**
 * Specs of all analyses, with their settings.
 *
 * # Errors
 * Never in practice: no bound of a setting exceeds 2^53.
 */
export function specs(): AnalysisSpec[];

/**
 * Version of kvlens.
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
    readonly conversion_overflows: (a: number) => number;
    readonly conversion_total: (a: number) => number;
    readonly engine_add: (a: number, b: number, c: number, d: any, e: number, f: number) => void;
    readonly engine_captures: (a: number) => [number, number, number];
    readonly engine_convert: (a: number, b: any) => [number, number, number];
    readonly engine_judge: (a: number, b: any) => [number, number, number];
    readonly engine_lesson: (a: number, b: number, c: any, d: any) => [number, number, number];
    readonly engine_matter: (a: number, b: number, c: any) => [number, number, number];
    readonly engine_new: () => number;
    readonly engine_pack: (a: number, b: any) => [number, number, number];
    readonly engine_pictures: (a: number, b: number) => [number, number, number];
    readonly engine_plan: (a: number, b: number, c: number, d: any) => [number, number, number];
    readonly engine_removeRun: (a: number, b: number, c: number) => [number, number, number];
    readonly engine_restoreRun: (a: number, b: number, c: number) => [number, number, number];
    readonly engine_runOf: (a: number) => [number, number, number];
    readonly engine_scan: (a: number, b: number, c: number) => [number, number, number];
    readonly engine_setMapping: (a: number, b: any) => [number, number, number];
    readonly engine_start: (a: number, b: number, c: number, d: any, e: number, f: any) => [number, number, number];
    readonly formats: () => [number, number, number];
    readonly initThreadPool: (a: number) => any;
    readonly packing_done: (a: number) => number;
    readonly packing_head: (a: number) => [number, number, number, number];
    readonly packing_isDone: (a: number) => number;
    readonly packing_layers: (a: number) => number;
    readonly packing_nextPart: (a: number) => [number, number, number, number];
    readonly packing_notes: (a: number) => [number, number];
    readonly packing_queryBytes: (a: number) => number;
    readonly packing_stop: (a: number) => number;
    readonly session_ahead: (a: number) => any;
    readonly session_fileBytes: (a: number, b: number) => [number, number];
    readonly session_fileCount: (a: number) => number;
    readonly session_fileName: (a: number, b: number) => [number, number];
    readonly session_finish: (a: number) => [number, number, number];
    readonly session_lastNews: (a: number) => [number, number, number];
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
