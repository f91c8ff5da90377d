// The coordinator: the worker that owns the wasm instance, starts runs and reads the files. The page's side is client.js.
//
// It never waits for the pool: a run is started, then asked again and again for what is ready, and between two questions it
// listens for messages. So it can be told to stop at any time.

import { describe } from "./errors.js";

/** @import { FileEntry, RunRequest } from "./types.js" */

const GIB = 1 << 30;
const PAGE = 1 << 16;
/** More than the module's own need; the rest is grown. */
const FIRST_PAGES = 256;
/** Meta files are read ahead, this many at once: one after the other takes longer. */
const AHEAD = 32;
/** Larger files are not metas. */
const META_MAX = 1 << 20;
/** Pause of a run when the pool has all it can take. */
const PAUSE_MS = 4;
/** Time between two looks at what was measured and at messages. */
const STEP_MS = 20;
/** Captures, and their bytes, that are read before their turn. */
const READ_AHEAD = 64;
const READ_AHEAD_BYTES = 8 << 20;
/** Of these, captures and bytes that are read at once. */
const BATCH = 16;
const BATCH_BYTES = 1 << 20;
/** Files under this size are read as one. */
const SMALL = 1 << 18;
/** Of a conversion, held before it goes into the Blob. */
const BLOB_BYTES = 16 << 20;
/** Time between two messages with rows to the page. */
const TELL_MS = 50;

/** @type {any} the wasm glue */
let wasm;
/** @type {any} its engine */
let engine;
/** @type {WebAssembly.Memory} */
let memory;
/** @type {any} the run that goes on */
let current;

const methods = { start, startPool, specs, addFiles, removeRun, setMapping, plan, run, cancel, inspect, convert };

self.onmessage = async ({ data: { id, method, args } }) => {
  try {
    const result = await methods[/** @type {keyof typeof methods} */ (method)](args, id);
    self.postMessage({ id, result }, transferable(result));
  } catch (error) {
    self.postMessage({ id, error: describe(error) });
  }
};

/**
 * Loads a build. That with threads needs a pool then: `wasm` is what its threads are made from.
 * @param {{ kind: "threads" | "serial", memoryMiB?: number }} options
 */
async function start({ kind, memoryMiB }) {
  const glue = new URL(`./${kind}/kvlens.js`, import.meta.url).href;
  const response = fetch(new URL(`./${kind}/kvlens_bg.wasm`, import.meta.url));
  const [module, loaded] = await Promise.all([compile(await response), import(glue)]);
  wasm = loaded;
  const shared = kind === "threads" ? allocate(memoryMiB) : undefined;
  ({ memory } = await wasm.default({ module_or_path: module, memory: shared }));
  if (!shared) engine = new wasm.Engine();
  return { version: wasm.version(), memoryMax: maximum, wasm: shared && { glue, module, memory } };
}

/** @param {{ threads: number }} options as many as have entered */
async function startPool({ threads }) {
  wasm.startPool(threads);
  engine = new wasm.Engine();
  return {};
}

/** @param {Response} response */
async function compile(response) {
  if (!response.ok) throw new Error(`${response.url}: ${response.status}`);
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
  return JSON.parse(wasm.specs());
}

/**
 * @param {{ entries: FileEntry[] }} args
 * @param {number} id
 */
async function addFiles({ entries }, id) {
  const metas = entries.filter(({ path, file }) => isMeta(path) && file.size <= META_MAX);
  let next = 0;
  let read = 0;
  const reader = async () => {
    while (next < metas.length) {
      const { path, file } = metas[next++];
      // A file that can't be read now gets its message in the scan.
      const bytes = await file.arrayBuffer().catch(() => undefined);
      engine.add(path, file, bytes && new Uint8Array(bytes));
      if (++read % 64 === 0) self.postMessage({ id, progress: { read, total: metas.length } });
    }
  };
  await Promise.all(Array.from({ length: AHEAD }, reader));
  for (const { path, file } of entries) if (!(isMeta(path) && file.size <= META_MAX)) engine.add(path, file, undefined);
  return JSON.parse(engine.scan(entries.map(({ path }) => path)));
}

/** @param {string} path */
function isMeta(path) {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return name.endsWith(".json") && name.startsWith("meta_");
}

/** @param {{ run: string }} args */
async function removeRun({ run }) {
  return JSON.parse(engine.removeRun(run));
}

/** @param {{ mapping: import("./types.js").Mapping }} args */
async function setMapping({ mapping }) {
  return JSON.parse(engine.setMapping(JSON.stringify(mapping)));
}

/**
 * @param {{ options: Record<string, string> }} args
 * @param {number} id
 */
async function convert({ options }, id) {
  const conversion = engine.convert(JSON.stringify(options));
  try {
    let blob = new Blob();
    /** @type {Uint8Array<ArrayBuffer>[]} */
    let parts = [];
    let held = 0;
    for (;;) {
      const piece = conversion.nextPiece();
      if (piece) held += parts[parts.push(piece) - 1].length;
      // A Blob may lie on the disk: the worker holds only what has come since the last one.
      if (held > BLOB_BYTES || !piece) {
        blob = new Blob([blob, ...parts]);
        parts = [];
        held = 0;
        self.postMessage({ id, progress: { read: blob.size, total: conversion.total() } });
        await pause(0);
      }
      if (!piece) return { blob };
    }
  } finally {
    conversion.free();
  }
}

/** @param {{ analysis: string, settings: Record<string, string> }} args */
async function plan({ analysis, settings }) {
  return JSON.parse(engine.plan(analysis, JSON.stringify(settings)));
}

/** @param {any} request */
async function inspect(request) {
  return JSON.parse(engine.inspect(JSON.stringify(request)));
}

/**
 * @param {RunRequest} request
 * @param {number} id
 */
async function run({ analysis, settings, verify }, id) {
  const started = performance.now();
  const mine = engine.start(analysis, JSON.stringify(settings), verify ?? true);
  current = mine;
  /** @type {any[]} */
  let rows = [];
  let told = 0;
  const ahead = new Ahead(mine);
  for (;;) {
    const until = performance.now() + STEP_MS;
    let more = true;
    while (more && ahead.isReady() && performance.now() < until) {
      more = mine.step();
      if (more) ahead.next();
    }
    const news = JSON.parse(mine.news());
    rows.push(...news.rows);
    const elapsedMs = performance.now() - started;
    if (news.done || elapsedMs - told > TELL_MS) {
      self.postMessage({ id, progress: { ...news.progress, elapsedMs }, rows });
      told = elapsedMs;
      rows = [];
    }
    if (news.done) break;
    if (more) await ahead.ready();
    await pause(more ? 0 : PAUSE_MS);
    // `cancel` took it over.
    if (current !== mine) throw { code: "cancelled", message: "cancelled" };
  }
  const { report, problems, workers } = JSON.parse(mine.finish());
  const files = Array.from({ length: mine.fileCount() }, (_, i) => ({ name: mine.fileName(i), bytes: mine.fileBytes(i) }));
  current = undefined;
  mine.free();
  return { report, problems, files, workers, elapsedMs: performance.now() - started };
}

/** @typedef {{ file: number, start: number, blob: Blob }} Part of a capture */

/** Reads captures before their turn, several at once: one file after the other, small ones take the browser many times as long. */
class Ahead {
  #run;
  /** @type {{ captures: number, bytes: number, done: boolean, all: Promise<void> }[]} of the captures that come next */
  #batches = [];
  #captures = 0;
  #bytes = 0;

  /** @param {any} run */
  constructor(run) {
    this.#run = run;
    this.#fill();
  }

  /** Whether the next capture can be fetched without waiting for the browser, or was not to be read ahead. */
  isReady() {
    return this.#batches[0]?.done ?? true;
  }

  async ready() {
    await this.#batches[0]?.all;
  }

  /** The next capture was fetched. */
  next() {
    const batch = this.#batches[0];
    if (!batch) return;
    this.#captures--;
    if (--batch.captures === 0) {
      this.#batches.shift();
      this.#bytes -= batch.bytes;
    }
    this.#fill();
  }

  #fill() {
    while (this.#captures + BATCH <= READ_AHEAD && this.#bytes < READ_AHEAD_BYTES) {
      /** @type {Part[]} */
      const parts = [];
      const batch = { captures: 0, bytes: 0, done: false, all: Promise.resolve() };
      while (batch.captures < BATCH && batch.bytes < BATCH_BYTES) {
        const wanted = this.#run.ahead();
        if (!wanted) break;
        batch.captures++;
        for (let i = 0; i < wanted.length; i += 3) {
          const [file, start, blob] = wanted.slice(i, i + 3);
          parts.push({ file, start, blob });
          batch.bytes += blob.size;
        }
      }
      if (!batch.captures) return;
      batch.done = !parts.length;
      batch.all = this.#read(parts).then(() => void (batch.done = true));
      this.#captures += batch.captures;
      this.#bytes += batch.bytes;
      this.#batches.push(batch);
    }
  }

  /** @param {Part[]} parts */
  async #read(parts) {
    const small = parts.filter(({ blob }) => blob.size < SMALL);
    const large = parts.filter(({ blob }) => blob.size >= SMALL);
    await Promise.all([this.#readAsOne(small), ...large.map((part) => this.#readAsOne([part]))]);
  }

  /** @param {Part[]} parts */
  async #readAsOne(parts) {
    if (!parts.length) return;
    const whole = parts.length === 1 ? parts[0].blob : new Blob(parts.map(({ blob }) => blob));
    const bytes = await whole.arrayBuffer().catch(() => undefined);
    if (current !== this.#run) return;
    if (bytes?.byteLength === whole.size) {
      let start = 0;
      for (const part of parts) {
        wasm.arrived(part.file, part.start, new Uint8Array(bytes, start, part.blob.size));
        start += part.blob.size;
      }
    } else if (parts.length > 1) {
      // One of them can't be read; what can't be read now gets its message when its turn comes.
      await Promise.all(parts.map((part) => this.#readAsOne([part])));
    }
  }
}

/**
 * Ends the run that goes on. The pool can't be interrupted within a capture.
 * @param {{ withinMs: number }} args
 * @returns {Promise<boolean>} whether the pool is idle within that time
 */
async function cancel({ withinMs }) {
  const mine = current;
  current = undefined;
  const until = performance.now() + withinMs;
  while (mine && !mine.stop()) {
    if (performance.now() > until) return false;
    await pause(PAUSE_MS);
  }
  mine?.free();
  return true;
}

const channel = new MessageChannel();
/** @type {(() => void)[]} */
const paused = [];
channel.port1.onmessage = () => paused.shift()?.();

/**
 * Lets messages in. Time-outs of 0 are stretched to 4 ms by browsers; a message to oneself isn't.
 * @param {number} ms
 * @returns {Promise<void>}
 */
function pause(ms) {
  return new Promise((resolve) => {
    if (ms > 0) return setTimeout(resolve, ms);
    paused.push(resolve);
    channel.port2.postMessage(0);
  });
}

/** @param {any} result */
function transferable(result) {
  return (result?.files ?? []).map((/** @type {{ bytes: Uint8Array }} */ { bytes }) => bytes.buffer);
}
