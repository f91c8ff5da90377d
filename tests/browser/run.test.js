// A run in the tab: on several threads, beside a page that stays responsive, that can be cancelled, and that survives failures.
import assert from "node:assert/strict";
import { appendFile, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./chromium.js";
import { addFolder, EDGE, EMPTY, openEngine, run, SAMPLE } from "./engine.js";
import { serve } from "./server.js";

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

/**
 * Watches the page from now on.
 * @param {import("playwright-core").Page} page
 * @returns {Promise<() => Promise<number>>} tells the longest time in ms for which it was held up, 0 where none was over 50
 */
async function longestTask(page) {
  const tasks = await page.evaluateHandle(() => {
    /** @type {number[]} */
    const tasks = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask" });
    return tasks;
  });
  return () => tasks.evaluate((tasks) => Math.max(0, ...tasks));
}

test("captures are measured by more than one thread", async () => {
  const { page, info } = await openEngine(browser.context, host.origin, { threads: 2 });
  assert.equal(info.label, "2 threads, SIMD");
  await addMade(page, { captures: 16, seqLen: 256 });
  const { workers } = await run(page, { analysis: "mixed", settings: {}, verify: true });
  assert.equal(workers, 2);
  await page.close();
});

test("the page is never blocked for 50 ms, and rows come in dump order while it runs", async () => {
  const { page } = await openEngine(browser.context, host.origin);
  await addMade(page, { captures: 40, seqLen: 512 });
  const longest = await longestTask(page);
  const layers = await page.evaluate(async () => {
    /** @type {number[]} */
    const layers = [];
    const onRows = (/** @type {any[]} */ rows) => layers.push(...rows.map((row) => row.layerId));
    await /** @type {any} */ (window).engine.run({ analysis: "mixed", settings: {}, verify: true }, { onRows });
    return layers;
  });
  assert.equal(await longest(), 0);
  assert.deepEqual(
    layers,
    Array.from({ length: 40 }, (_, layer) => layer),
  );
  await page.close();
});

for (const kind of /** @type {const} */ (["threads", "serial"])) {
  test(`a run is cancelled within 200 ms, also within a long capture, and the next one works (${kind})`, async () => {
    const { page } = await openEngine(browser.context, host.origin, { kind });
    // Level 22 takes many seconds for one of these.
    await addMade(page, { captures: 4, seqLen: 8192 });
    const outcome = await page.evaluate(async () => {
      const { engine } = /** @type {any} */ (window);
      const abort = new AbortController();
      const running = engine.run({ analysis: "mixed", settings: { "zstd-level": "22" } }, { signal: abort.signal });
      await new Promise((resolve) => setTimeout(resolve, 500));
      const aborted = performance.now();
      abort.abort();
      const code = await running.catch((/** @type {any} */ error) => error.code);
      return { code, took: performance.now() - aborted };
    });
    assert.equal(outcome.code, "cancelled");
    assert.ok(outcome.took < 200, `${outcome.took} ms`);
    const started = performance.now();
    const { rows } = await run(page, { analysis: "mixed", settings: { "zstd-level": "1", "lossless-first-n": "0" }, verify: false });
    assert.equal(rows, 4);
    // Far less than the cancelled captures would have taken to their ends.
    const took = performance.now() - started;
    assert.ok(took < 6000, `${took} ms`);
    await page.close();
  });
}

for (const kind of /** @type {const} */ (["threads", "serial"])) {
  test(`packing is cancelled within 200 ms, also within a long layer, and the engine is idle soon (${kind})`, async () => {
    const { page } = await openEngine(browser.context, host.origin, { kind });
    // Each of these takes seconds.
    await addMade(page, { captures: 4, seqLen: 8192 });
    const outcome = await page.evaluate(async () => {
      const { engine } = /** @type {any} */ (window);
      const abort = new AbortController();
      const request = { k: "tkc:c=0.02", v: "tkc:c=0.02", sinks: 4, recent: 0, queries: false };
      const packing = engine.pack(request, { signal: abort.signal });
      await new Promise((resolve) => setTimeout(resolve, 500));
      const aborted = performance.now();
      abort.abort();
      const code = await packing.catch((/** @type {any} */ error) => error.code);
      const took = performance.now() - aborted;
      // Answered by a worker that has nothing else to do.
      await engine.plan("mixed", {});
      return { code, took, idle: performance.now() - aborted };
    });
    assert.equal(outcome.code, "cancelled");
    assert.ok(outcome.took < 200, `${outcome.took} ms`);
    // Far less than the layers would have taken; a worker that is replaced reads the dump again.
    assert.ok(outcome.idle < 3000, `${outcome.idle} ms`);
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
  assert.deepEqual(layers, [{ layerId: 2 ** 60, captures: 1, bytes: 8 }]);
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
  const longest = await longestTask(page);
  const { captures, told } = await addFolder(page, folder);
  assert.equal(captures, 1000);
  assert.ok(told[0][0] < 3000 && told.every(([taken, total]) => taken <= 3000 && total === 3000), JSON.stringify(told));
  // Chromium takes much longer to look up the size of all.
  assert.ok((await longest()) < 200, `a task of ${await longest()} ms`);
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
