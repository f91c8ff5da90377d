// The coordinator: the worker that owns the wasm instance, starts runs and reads the files. The page's side is client.js.
//
// It never waits for the pool: a run is started, then asked again and again for what is ready, and between two questions it
// listens for messages. So it can be told to stop at any time.

import { Ahead } from "./ahead.js";
import { describe } from "./errors.js";
import { GrowingBlob } from "./growing-blob.js";
import { pause } from "./pause.js";
import { Kept, read } from "./reader.js";

/** @import { Mapping } from "./core.js" */
/** @import { ConvertOptions, JudgeRequest, Kv, LessonRequest, MatterRequest, News, PackRequest, Row } from "./core.js" */
/** @import { Conversion, Engine, Packing, Session } from "./glue.js" */
/** @import { FileEntry, RunRequest, Settings } from "./types.js" */

const GIB = 1 << 30;
const PAGE = 1 << 16;
/** More than the module needs at its start; memory grows from there. */
const FIRST_PAGES = 256;
/** Meta files read at once; they are read before the scan. */
const METAS = 32;
/** A larger file is no meta file. */
const MAX_META_BYTES = 1 << 20;
/** Pause while the pool has all it can take, ms. */
const PAUSE_MS = 4;
/** Time between two looks for results and messages, ms. */
const STEP_MS = 20;
/** Minimum interval between messages with rows or on a file that is being written, ms. */
const NEWS_MS = 50;
/** Minimum interval between reports on what is known so far, ms. */
const SO_FAR_MS = 700;
/** Most rows per message: more would hold the page up. */
const MAX_ROWS = 500;

/** @type {typeof import("./glue.js")} */
let wasm;
/** @type {Engine} */
let engine;
/** @type {{ session: Session, tell: (news: News, now: boolean) => void } | undefined} the analysis under way */
let current;
const kept = new Kept();

const methods = {
  start,
  specs,
  formats,
  takeFiles,
  scan,
  removeRun,
  restoreRun,
  setMapping,
  plan,
  judge,
  run,
  cancel,
  captures,
  runOf,
  pictures,
  matter,
  lesson,
  convert,
  pack,
  cancelFile,
};

self.onmessage = async ({ data: { id, method, args } }) => {
  try {
    const result = await methods[/** @type {keyof typeof methods} */ (method)](args, id);
    self.postMessage({ id, result }, transferable(result));
  } catch (error) {
    self.postMessage({ id, error: describe(error) });
  }
};

/**
 * Loads a build, and starts the pool of that with threads: start-pool.js has the page make its workers.
 * @param {{ kind: "threads" | "serial", threads: number, memoryMiB?: number }} options
 */
async function start({ kind, threads, memoryMiB }) {
  const glue = new URL(`./${kind}/kvlens.js`, import.meta.url).href;
  const [module, loaded] = await Promise.all([compile(new URL(`./${kind}/kvlens_bg.wasm`, import.meta.url)), import(glue)]);
  wasm = loaded;
  const shared = kind === "threads" ? allocate(memoryMiB) : undefined;
  await wasm.default({ module_or_path: module, memory: shared });
  if (shared) await wasm.initThreadPool(threads);
  engine = new wasm.Engine();
  return { version: wasm.version(), memoryMax: maximum };
}

/** @param {URL} url */
async function compile(url) {
  const response = await fetch(url).catch((error) => {
    throw { code: "network", message: `${url.pathname}: ${error.message}` };
  });
  if (!response.ok) throw { code: "network", message: `${url.pathname}: ${response.status} ${response.statusText}` };
  const typed = response.headers.get("content-type")?.startsWith("application/wasm");
  // Some hosts do not know the type of wasm files, and then streaming is refused.
  return typed ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}

let maximum = 4 * GIB;

/**
 * The largest shared memory that the browser grants: phones refuse 4 GiB, some also 2.
 * @param {number} [memoryMiB] upper bound
 */
function allocate(memoryMiB) {
  const sizes = memoryMiB ? [memoryMiB * (1 << 20)] : [4 * GIB, 2 * GIB, GIB];
  for (const bytes of sizes) {
    try {
      const shared = new WebAssembly.Memory({ initial: FIRST_PAGES, maximum: Math.floor(bytes / PAGE), shared: true });
      maximum = bytes;
      return shared;
    } catch (error) {
      if (bytes === sizes.at(-1)) throw error;
    }
  }
  throw new Error("unreachable");
}

async function specs() {
  return wasm.specs();
}

async function formats() {
  return wasm.formats();
}

/**
 * Takes files in, those that a dump describes itself by with what they hold. The scan comes after the last.
 * @param {{ entries: FileEntry[] }} args
 */
async function takeFiles({ entries }) {
  const metas = entries.filter(isMeta);
  for (let next = 0; next < metas.length; next += METAS) {
    const some = metas.slice(next, next + METAS);
    // A file that can't be read now gets its message in the scan.
    const contents = await Promise.all(read(some.map(({ file }) => file)));
    some.forEach(({ path, file }, i) => engine.add(path, file, contents[i]));
  }
  for (const entry of entries) if (!isMeta(entry)) engine.add(entry.path, entry.file, undefined);
  return {};
}

/** @param {{ added: string[] }} args paths of the files that are new */
async function scan({ added }) {
  return engine.scan(added);
}

/** @type {string[][] | null} beginning and end of the names of files that describe others */
let describing = null;

/** Whether a file describes others: the names of those begin alike, those of other formats only end alike. @param {FileEntry} entry */
function isMeta({ path, file }) {
  describing ??= wasm.formats().flatMap(({ names }) => names.filter((name) => !name.startsWith("*")).map((name) => name.split("*")));
  const name = path.slice(path.lastIndexOf("/") + 1);
  return file.size <= MAX_META_BYTES && describing.some(([start, end]) => name.startsWith(start) && name.endsWith(end));
}

/** @param {{ run: string }} args */
async function removeRun({ run }) {
  kept.clear();
  return engine.removeRun(run);
}

/** @param {{ run: string }} args */
async function restoreRun({ run }) {
  return engine.restoreRun(run);
}

/** @param {{ mapping: Mapping }} args */
async function setMapping({ mapping }) {
  return engine.setMapping(mapping);
}

/** @type {{ convert?: Conversion, pack?: Packing }} the files that are being written, until the reader ends it */
const writing = {};
/** @type {Promise<unknown>} resolves when the last conversion has ended, however it did */
let converted = Promise.resolve();

/**
 * @param {{ options: Partial<ConvertOptions> }} args
 * @param {number} id
 */
function convert(args, id) {
  const done = convertNow(args, id);
  converted = done.catch(() => {});
  return done;
}

/**
 * @param {{ options: Partial<ConvertOptions> }} args
 * @param {number} id
 */
async function convertNow({ options }, id) {
  const conversion = engine.convert(options);
  writing.convert = conversion;
  try {
    const file = new GrowingBlob();
    const total = conversion.total();
    for (let told = performance.now(); ;) {
      // Never in the shared memory: the glue copies.
      const piece = /** @type {Uint8Array<ArrayBuffer> | undefined} */ (conversion.nextPiece());
      if (piece) file.add(piece);
      if (piece && performance.now() - told < NEWS_MS) continue;
      told = performance.now();
      // Names and headers, which are in no total, come on top of K and V.
      self.postMessage({ id, progress: { read: Math.min(file.size, total), total } });
      await pause(0);
      if (writing.convert !== conversion) throw { code: "cancelled", message: "cancelled" };
      if (!piece) return { blob: file.all(), overflows: conversion.overflows() };
    }
  } finally {
    conversion.free();
  }
}

/**
 * Writes the dump as a `.kvz`.
 * @param {{ request: PackRequest }} args
 * @param {number} id
 */
async function pack({ request }, id) {
  const writer = engine.pack(request);
  writing.pack = writer;
  try {
    const body = new GrowingBlob();
    while (!writer.isDone()) {
      const part = /** @type {Uint8Array<ArrayBuffer> | undefined} */ (writer.nextPart());
      if (part) {
        body.add(part);
        self.postMessage({ id, progress: { read: writer.done(), total: writer.layers() } });
      }
      await pause(part ? 0 : PAUSE_MS);
      // `cancelFile` took it over.
      if (writing.pack !== writer) throw { code: "cancelled", message: "cancelled" };
    }
    const head = /** @type {Uint8Array<ArrayBuffer>} */ (writer.head());
    return { blob: new Blob([head, body.all()]), headBytes: head.length, queryBytes: writer.queryBytes(), notes: writer.notes() };
  } finally {
    if (writing.pack === writer) {
      writing.pack = undefined;
      writer.free();
    }
  }
}

/**
 * Ends the writing of a file. The pool can't be interrupted within a tensor.
 * @param {{ method: keyof typeof writing, withinMs: number }} args
 * @returns {Promise<boolean>} whether nothing of it goes on within that time
 */
async function cancelFile({ method, withinMs }) {
  const packing = method === "pack" ? writing.pack : undefined;
  writing[method] = undefined;
  // Between two pieces it looks whether it is still wanted.
  if (method === "convert") await converted;
  return isIdle(packing, withinMs);
}

/** @param {{ analysis: string, settings: Settings }} args */
async function plan({ analysis, settings }) {
  return engine.plan(analysis, settings);
}

/** @param {JudgeRequest} request */
async function judge(request) {
  return engine.judge(request);
}

async function captures() {
  return engine.captures();
}

async function runOf() {
  return engine.runOf();
}

/** @param {number} capture */
async function pictures(capture) {
  return engine.pictures(capture);
}

/** @param {{ capture: number, setting: MatterRequest }} args */
async function matter({ capture, setting }) {
  return engine.matter(capture, setting);
}

/** @param {{ capture: number, tensor: Kv, request: LessonRequest }} args */
async function lesson({ capture, tensor, request }) {
  return engine.lesson(capture, tensor, request);
}

/**
 * @param {RunRequest} request
 * @param {number} id
 */
async function run({ analysis, settings, verify, sample }, id) {
  const started = performance.now();
  const session = engine.start(analysis, settings, verify ?? true, sample ?? null);
  /** @type {Row[]} */
  let rows = [];
  let told = 0;
  let reported = 0;
  /** @param {News} news @param {boolean} now whatever was told a moment ago */
  const tell = (news, now) => {
    rows = rows.concat(news.rows);
    const elapsedMs = performance.now() - started;
    if (!now && elapsedMs - told <= NEWS_MS) return;
    for (let start = 0; start === 0 || start < rows.length; start += MAX_ROWS) {
      self.postMessage({ id, progress: { ...news.progress, elapsedMs }, rows: rows.slice(start, start + MAX_ROWS) });
    }
    told = elapsedMs;
    rows = [];
  };
  const mine = { session, tell };
  current = mine;
  const ahead = new Ahead(session, kept, ({ file, start }, bytes) => {
    if (current === mine) wasm.arrived(file, start, bytes);
  });
  for (;;) {
    const until = performance.now() + STEP_MS;
    let more = true;
    while (more && ahead.isReady() && performance.now() < until) {
      more = session.step();
      if (more) ahead.next();
    }
    const news = session.news();
    tell(news, news.done);
    if (news.done) break;
    const elapsedMs = performance.now() - started;
    if (news.progress.captures > 0 && elapsedMs - reported > SO_FAR_MS) {
      const soFar = session.soFar();
      if (soFar) self.postMessage({ id, soFar });
      // Much to tell takes longer: a tenth of the time at most.
      reported = Math.max(elapsedMs, elapsedMs + 9 * (performance.now() - started - elapsedMs) - SO_FAR_MS);
    }
    if (more) await ahead.ready();
    await pause(more ? 0 : PAUSE_MS);
    // `cancel` took it over.
    if (current !== mine) throw { code: "cancelled", message: "cancelled" };
  }
  const { report, workers } = session.finish();
  const files = Array.from({ length: session.fileCount() }, (_, i) => ({ name: session.fileName(i), bytes: session.fileBytes(i) }));
  current = undefined;
  session.free();
  return { report, files, workers, elapsedMs: performance.now() - started };
}

/**
 * Ends the run that goes on, after it has told all that it measured. The pool can't be interrupted within a capture.
 * @param {{ withinMs: number }} args
 * @returns {Promise<boolean>} whether the pool is idle within that time
 */
async function cancel({ withinMs }) {
  const mine = current;
  current = undefined;
  if (mine) mine.tell(mine.session.lastNews(), true);
  return isIdle(mine?.session, withinMs);
}

/**
 * @param {Session | Packing | undefined} work is stopped, and freed once the pool has nothing of it
 * @param {number} withinMs
 */
async function isIdle(work, withinMs) {
  const until = performance.now() + withinMs;
  while (work && !work.stop()) {
    if (performance.now() > until) return false;
    await pause(PAUSE_MS);
  }
  work?.free();
  return true;
}

/** @param {any} result */
function transferable(result) {
  return (result?.files ?? []).flatMap((/** @type {{ bytes?: Uint8Array }} */ { bytes }) => bytes?.buffer ?? []);
}
