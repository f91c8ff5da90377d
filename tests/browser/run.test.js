// A run in the tab: on several threads, beside a page that stays responsive, that can be cancelled, and that survives failures.
import assert from "node:assert/strict";
import { appendFile, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./chromium.js";
import { addFolder, EDGE, EMPTY, openEngine, run, SAMPLE } from "./engine.js";
import { serve } from "./server.js";
import { watchCoordinators } from "./watch.js";

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let host;
before(async () => {
  host = await serve({ pages: EMPTY });
  browser = await launch();
});
after(async () => {
  await browser.close();
  await host.close();
});

/**
 * Gives the engine captures of `seqLen` tokens, the first maybe of another number, made in the page: values that look random, so that
 * compressing takes its time.
 * @param {import("playwright-core").Page} page
 * @param {{ captures: number, seqLen: number, first?: number }} options
 */
function addMade(page, options) {
  return page.evaluate(async ({ captures, seqLen: each, first = each }) => {
    const [kvHeads, headDim] = [8, 128];
    const values = new Uint16Array(Math.max(each, first) * kvHeads * headDim);
    let state = 1;
    for (let i = 0; i < values.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      values[i] = 0x3000 | (state >>> 20);
    }
    const entries = [];
    for (let layer = 0; layer < captures; layer++) {
      const seqLen = layer === 0 ? first : each;
      const meta = {
        layer_id: layer,
        seq_start: 0,
        seq_len: seqLen,
        seq_end_exclusive: seqLen,
        kv_heads: kvHeads,
        head_dim: headDim,
        bytes_per_elem: 2,
        dtype: "fp16",
        stage: "prefill",
        run_id: "made",
        k_file: "k.bin",
        v_file: "v.bin",
      };
      const folder = `made/layer_${layer}`;
      entries.push({ path: `${folder}/meta_t0.json`, file: new File([JSON.stringify(meta)], "meta_t0.json") });
      for (const name of ["k.bin", "v.bin"])
        entries.push({ path: `${folder}/${name}`, file: new File([values.subarray(0, seqLen * kvHeads * headDim)], name) });
    }
    return /** @type {any} */ (window).engine.addFiles(entries);
  }, options);
}

test("captures are measured by more than one thread", async () => {
  const { page, info } = await openEngine(browser.context, host.origin, { threads: 2 });
  assert.equal(info.label, "2 threads, SIMD");
  await addMade(page, { captures: 16, seqLen: 256 });
  const { workers } = await run(page, { analysis: "mixed", settings: {}, verify: true });
  assert.equal(workers, 2);
  await page.close();
});

test("the page has turns of its own while a run goes on, and gets rows in dump order, few at a time", async () => {
  const { page } = await openEngine(browser.context, host.origin);
  await addMade(page, { captures: 12, seqLen: 64 });
  await watchCoordinators(page);
  const { parts, first, happened } = await page.evaluate(async () => {
    const { engine, happened } = /** @type {any} */ (window);
    /** @type {number[][]} the layers of each part's rows */
    const parts = [];
    /** How many captures were measured when the first rows came. */
    let first = 0;
    const onProgress = (/** @type {any} */ { captures }) => {
      if (parts.length > 0) first ||= captures;
    };
    const onRows = (/** @type {any[]} */ rows) => {
      parts.push(rows.map((row) => row.layerId));
      happened.push("rows");
    };
    const combinations = {
      "block-sizes": "8,16,32,64",
      "topk-ratios": "0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8",
      "bits-list": "2,3,4,5,6,7,8,9,10",
    };
    const settings = { ...combinations, "lossless-first-n": "0" };
    await engine.run({ analysis: "sweep", settings }, { onRows, onProgress });
    return { parts, first, happened: happened.join() };
  });
  assert.match(happened, /1 run,.*turn.*rows.*turn.*rows/);
  assert(first > 0 && first < 12, `rows after ${first} captures`);
  // 288 combinations each.
  assert.deepEqual(
    parts.flat(),
    Array.from({ length: 12 * 288 }, (_, i) => Math.floor(i / 288)),
  );
  assert(Math.max(...parts.map((rows) => rows.length)) <= 500, `${parts.map((rows) => rows.length)}`);
  await page.close();
});

/**
 * Cancels what has taken up its first capture or layer, which takes seconds, and then asks for something else.
 * @param {import("playwright-core").Page} page
 * @param {"run" | "pack"} method
 * @param {object} request
 * @returns {Promise<{ code: string, happened: string[] }>} how it ended, and what happened until the other thing was answered
 */
async function cancelled(page, method, request) {
  await watchCoordinators(page);
  return page.evaluate(
    async ({ method, request }) => {
      const { engine, happened } = /** @type {any} */ (window);
      const abort = new AbortController();
      const going = engine[method](request, { signal: abort.signal }).catch((/** @type {any} */ error) => {
        happened.push("cancelled");
        return error.code;
      });
      await new Promise((resolve) => setTimeout(resolve, 500));
      happened.push("cancel");
      abort.abort();
      const code = await going;
      await engine.plan("mixed", {});
      happened.push("another answer");
      /** @type {string[]} */
      const withoutTurns = happened.filter((/** @type {string} */ what) => what !== "turn");
      // Files may come in several messages.
      return { code, happened: withoutTurns.filter((what, i, all) => what !== all[i - 1]) };
    },
    { method, request },
  );
}

/** What happens where neither the page's answer nor the next work waits for the capture or layer: its worker is given up. */
const GIVEN_UP = ["cancelled", "1 ends", "2 start", "2 takeFiles", "2 scan", "2 plan", "another answer"];

for (const kind of /** @type {const} */ (["threads", "serial"])) {
  test(`cancelling a run does not wait for a long capture, and the next run works (${kind})`, async () => {
    const { page } = await openEngine(browser.context, host.origin, { kind });
    // Level 22 takes many seconds for one of these.
    await addMade(page, { captures: 4, seqLen: 8192 });
    const { code, happened } = await cancelled(page, "run", { analysis: "mixed", settings: { "zstd-level": "22" } });
    assert.equal(code, "cancelled");
    assert.deepEqual(happened, ["1 run", "cancel", "1 cancel", ...GIVEN_UP]);
    const { rows } = await run(page, { analysis: "mixed", settings: { "zstd-level": "1", "lossless-first-n": "0" }, verify: false });
    assert.equal(rows, 4);
    await page.close();
  });
}

test("what is asked while a run is cancelled is answered by the next worker, and files that come then are taken in", async () => {
  const { page } = await openEngine(browser.context, host.origin, { kind: "serial" });
  await addMade(page, { captures: 2, seqLen: 8192 });
  const { code, captures, lines } = await page.evaluate(async () => {
    const { engine } = /** @type {any} */ (window);
    const abort = new AbortController();
    const request = { analysis: "mixed", settings: { "zstd-level": "22" } };
    const going = engine.run(request, { signal: abort.signal }).catch((/** @type {any} */ error) => error.code);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const shape = { seq_len: 1, kv_heads: 1, head_dim: 2, bytes_per_elem: 2, dtype: "fp16", stage: "prefill" };
    const meta = JSON.stringify({ ...shape, layer_id: 0, k_file: "k.bin", v_file: "v.bin" });
    const files = { "meta_t0.json": meta, "k.bin": "1234", "v.bin": "5678" };
    const entries = Object.entries(files).map(([name, text]) => ({ path: `late/layer_0/${name}`, file: new File([text], name) }));
    const asked = [engine.addFiles(entries), engine.captures()];
    abort.abort();
    const [code, summary, lines] = await Promise.all([going, ...asked]);
    return { code, captures: summary.captures, lines: lines.length };
  });
  assert.deepEqual([code, captures], ["cancelled", 3]);
  assert(lines >= 2, `${lines} captures`);
  await page.close();
});

for (const kind of /** @type {const} */ (["threads", "serial"])) {
  test(`cancelling packing does not wait for a long layer, and the engine takes other work (${kind})`, async () => {
    const { page } = await openEngine(browser.context, host.origin, { kind });
    // Each of these takes seconds.
    await addMade(page, { captures: 4, seqLen: 8192 });
    const request = { k: "tkc:c=0.02", v: "tkc:c=0.02", sinks: 4, recent: 0, queries: false };
    const { code, happened } = await cancelled(page, "pack", request);
    assert.equal(code, "cancelled");
    // The page says that nothing is written, so it waits until that is so.
    const [told, ends, starts, ...rest] = GIVEN_UP;
    assert.deepEqual(happened, ["1 pack", "cancel", "1 cancelFile", ends, starts, told, ...rest]);
    await page.close();
  });
}

test("a cancelled run tells all that it has measured, also what is ahead of the dump's order", async () => {
  const { page } = await openEngine(browser.context, host.origin, { kind: "threads", threads: 3 });
  // Two threads have K and V of the first for seconds; the third goes through the others meanwhile.
  await addMade(page, { captures: 12, seqLen: 64, first: 4096 });
  const { layers, captures } = await page.evaluate(async () => {
    const abort = new AbortController();
    /** @type {number[]} */
    const layers = [];
    let captures = 0;
    /** @param {any} progress */
    const onProgress = (progress) => {
      captures = progress.captures;
      if (captures >= 5) abort.abort();
    };
    /** @param {any[]} rows */
    const onRows = (rows) => layers.push(...rows.map(({ layerId }) => layerId));
    const request = { analysis: "mixed", settings: { "zstd-level": "22" } };
    await /** @type {any} */ (window).engine.run(request, { signal: abort.signal, onProgress, onRows }).catch(() => {});
    return { layers, captures };
  });
  assert.ok(captures >= 5 && captures < 12, `${captures} captures`);
  // Which ones depends on the threads.
  assert.equal(layers.length, captures, layers.join());
  assert.deepEqual(
    layers,
    [...new Set(layers)].sort((a, b) => a - b),
  );
  await page.close();
});

test("nothing is told of a run once it is cancelled", async () => {
  const { page } = await openEngine(browser.context, host.origin);
  await addMade(page, { captures: 40, seqLen: 512 });
  const told = await page.evaluate(async () => {
    const abort = new AbortController();
    let told = 0;
    const onProgress = () => {
      told++;
      // What the worker says in this time is waiting when the run is cancelled.
      for (const until = performance.now() + 200; performance.now() < until;);
      abort.abort();
    };
    await /** @type {any} */ (window).engine.run({ analysis: "mixed", settings: {} }, { signal: abort.signal, onProgress }).catch(() => {});
    const before = told;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return told - before;
  });
  assert.equal(told, 0);
  await page.close();
});

test("files that are broken, or break after they were added, are problems; the others are measured", async () => {
  const { page } = await openEngine(browser.context, host.origin);
  const folder = await mkdtemp(join(tmpdir(), "kvlens-run-"));
  const dump = join(folder, "edge");
  await cp(EDGE, dump, { recursive: true });
  const { captures, problems } = await addFolder(page, dump);
  assert.match(problems.map(({ file, message }) => `${file}: ${message}`).join(), /layer_9\/meta_t0_5\.json: .*v_gone\.bin/);
  // A browser gives no bytes of a file that has changed since it was chosen.
  await appendFile(join(dump, "single/layer_2/v_t0_50.bin"), "more");
  const { rows, problems: unread } = await run(page, { analysis: "mixed", settings: {} });
  assert.equal(rows, captures - 1);
  assert.equal(unread.length, 1);
  assert.match(unread[0].file, /single\/layer_2\/meta_t0_50\.json$/);
  assert.match(unread[0].message, /it was changed, moved or removed after it was chosen/);
  await page.close();
  await rm(folder, { recursive: true });
});

test("a layer number beyond what numbers hold exactly is rounded, and NaN stays NaN", async () => {
  const { page } = await openEngine(browser.context, host.origin);
  const folder = await mkdtemp(join(tmpdir(), "kvlens-run-"));
  const [k, v] = [Buffer.from([0, 0x7e, 0, 0x3c]), Buffer.from([0, 0x3c, 0, 0x40])];
  await writeFile(join(folder, "k.bin"), k);
  await writeFile(join(folder, "v.bin"), v);
  const meta = `{"layer_id": ${2n ** 60n}, "seq_len": 1, "kv_heads": 1, "head_dim": 2, "bytes_per_elem": 2, "dtype": "fp16", "k_file": "k.bin", "v_file": "v.bin"}`;
  await writeFile(join(folder, "meta_t0_1.json"), meta);
  const { layers } = await addFolder(page, folder);
  assert.deepEqual(layers, [{ layerId: 2 ** 60, captures: 1, bytes: 8, vBytes: 4 }]);
  const [row] = await page.evaluate(async () => {
    const { report } = await /** @type {any} */ (window).engine.run({ analysis: "mixed", settings: {} });
    return report.rows;
  });
  assert.equal(row.layerId, 2 ** 60);
  assert(Number.isNaN(row.k.errors.mae));
  assert.equal(row.v.errors.mae, 0);
  await page.close();
  await rm(folder, { recursive: true });
});

test("a folder of thousands of files does not hold the page up, and tells how far it is", async () => {
  const { page } = await openEngine(browser.context, host.origin);
  const folder = await mkdtemp(join(tmpdir(), "kvlens-run-"));
  const shape = { seq_len: 1, kv_heads: 1, head_dim: 2, bytes_per_elem: 2, dtype: "fp16", stage: "decode", run_id: "many" };
  for (let layer = 0; layer < 10; layer++) {
    await mkdir(join(folder, `layer_${layer}`));
    const write = (/** @type {string} */ name, /** @type {string} */ text) => writeFile(join(folder, `layer_${layer}`, name), text);
    for (let token = 0; token < 100; token++) {
      const meta = { ...shape, layer_id: layer, seq_start: token, k_file: `k_${token}.bin`, v_file: `v_${token}.bin` };
      await Promise.all([write(`meta_${token}.json`, JSON.stringify(meta)), write(meta.k_file, "1234"), write(meta.v_file, "5678")]);
    }
  }
  await watchCoordinators(page);
  // By the page's clock each look at a file's size takes a millisecond more, whatever the machine.
  await page.evaluate(() => {
    const [now, size] = [performance.now.bind(performance), Object.getOwnPropertyDescriptor(Blob.prototype, "size")?.get];
    let looks = 0;
    performance.now = () => now() + looks;
    Object.defineProperty(File.prototype, "size", {
      get() {
        looks++;
        return size?.call(this);
      },
    });
  });
  const { captures, told } = await addFolder(page, folder);
  assert.equal(captures, 1000);
  assert.ok(told[0][0] < 3000 && told.every(([taken, total]) => taken <= 3000 && total === 3000), JSON.stringify(told));
  const happened = String(await page.evaluate("happened.join()"));
  const messages = happened.match(/1 takeFiles/g)?.length ?? 0;
  assert(messages > 3000 / 50, `${messages} messages: one is more than 50 ms of looking`);
  assert.doesNotMatch(happened, /1 takeFiles,1 takeFiles/, "the page has a turn after each");
  await page.close();
  await rm(folder, { recursive: true });
});

test("small files are read once: a later run has them, also when they are gone", async () => {
  const { page } = await openEngine(browser.context, host.origin);
  const folder = await mkdtemp(join(tmpdir(), "kvlens-run-"));
  await cp(SAMPLE, join(folder, "dumps"), { recursive: true });
  await addFolder(page, join(folder, "dumps"));
  const first = await run(page, { analysis: "mixed", settings: {} });
  await rm(folder, { recursive: true });
  const later = await run(page, { analysis: "mixed", settings: {} });
  assert.deepEqual(later.problems, []);
  assert.deepEqual(later.files, first.files);
  await page.close();
});

test("without memory a run ends with a message and a hint, and the next one works", async () => {
  const { page } = await openEngine(browser.context, host.origin, { threads: 2, memoryMiB: 64 });
  await addMade(page, { captures: 2, seqLen: 8192 });
  const failure = await page.evaluate(() =>
    /** @type {any} */ (window).engine.run({ analysis: "mixed", settings: {} }).then(
      (/** @type {any} */ { report }) => ({ problems: report.problems }),
      (/** @type {any} */ { code, message, hint }) => ({ code, message, hint }),
    ),
  );
  assert.equal(failure.code, "memory", JSON.stringify(failure));
  assert.ok(failure.hint);
  await page.evaluate(() => /** @type {any} */ (window).engine.removeRun("made"));
  await addFolder(page, SAMPLE);
  const { rows } = await run(page, { analysis: "mixed", settings: {} });
  assert.equal(rows, 81);
  await page.close();
});

test("settings out of range are refused with flag and range", async () => {
  const { page } = await openEngine(browser.context, host.origin);
  await addFolder(page, SAMPLE);
  const plan = await page.evaluate(() => /** @type {any} */ (window).engine.plan("mixed", { "zstd-level": "99" }));
  assert.equal(plan.errors[0].flag, "zstd-level");
  assert.match(plan.errors[0].message, /99.*22/);
  const error = await page.evaluate(() =>
    /** @type {any} */ (window).engine
      .run({ analysis: "mixed", settings: { "min-seq-len": "100000" } })
      .catch((/** @type {any} */ error) => error.code),
  );
  assert.equal(error, "dump");
  await page.close();
});
