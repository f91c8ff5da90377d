// The charts of the sample, read back from their SVG, against the golden CSV files.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./chromium.js";
import { openAlone } from "./page.js";
import { ROOT, serve } from "./server.js";
import { axis, panels, rows } from "./svg.js";

/** @type {Awaited<ReturnType<typeof serve>>} */
let server;
/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {import("playwright-core").Page} */
let page;

before(async () => {
  server = await serve();
  browser = await launch({ viewport: { width: 1280, height: 900 } });
  page = await browser.context.newPage();
  await page.goto(`${server.url}?engine=serial`);
  await page
    .getByRole("button", { name: /sample/i })
    .first()
    .click();
  await page.waitForSelector('[data-chart="error-by-layer"] .kv-sheet');
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** @param {string} path */
const golden = async (path) => rows(await readFile(join(ROOT, "tests/data/golden", path), "utf8"));

/** Pixels are rounded nowhere, but axes are read from labels: a thousandth of the range is ample. @param {number} found @param {number} expected @param {string} what */
const near = (found, expected, what) =>
  assert.ok(Math.abs(found - expected) <= Math.max(1e-3, Math.abs(expected) * 2e-3), `${what}: ${found} drawn, ${expected} in the CSV`);

/** @param {Record<string, string>[]} all @param {string} stage @returns {Map<string, Record<string, string>[]>} */
function byLayer(all, stage) {
  const layers = new Map();
  for (const row of all) if (row.stage === stage) layers.set(row.layer_id, [...(layers.get(row.layer_id) ?? []), row]);
  return layers;
}

/** Total raw by total compressed bytes; captures of a layer have the weight of their tokens. @param {Record<string, string>[]} captures @param {string} side */
function weightedRatio(captures, side) {
  const raw = captures.reduce((sum, row) => sum + Number(row.seq_len), 0);
  return raw / captures.reduce((sum, row) => sum + Number(row.seq_len) / Number(row[`${side}_ratio`]), 0);
}

test("ratios, layers and the split are where the CSV has them", async () => {
  const csv = await golden("mixed-default/mixed_layer_metrics.csv");
  const drawn = await panels(page, "ratio-by-layer");
  assert.equal(drawn.length, 2);
  for (const [i, stage] of ["prefill", "decode"].entries()) {
    const layers = byLayer(csv, stage);
    const { x, y, split, points } = drawn[i];
    assert.deepEqual(
      x.map(({ text }) => text),
      [...layers.keys()],
    );
    const ratio = axis(y);
    for (const side of ["k", "v"]) {
      const marks = points[`kv-points-${side.toUpperCase()}`];
      assert.equal(marks.length, layers.size);
      [...layers].forEach(([layer, captures], n) => {
        near(ratio(marks[n].y), weightedRatio(captures, side), `${stage} layer ${layer} ${side}`);
        assert.equal(marks[n].filled, captures[0].lossless === "True", `layer ${layer} is drawn ${marks[n].filled ? "filled" : "hollow"}`);
      });
    }
    const lossy = [...layers.values()].findIndex(([row]) => row.lossless === "False");
    assert.equal(split.length, 1);
    near(split[0], (x[lossy - 1].at + x[lossy].at) / 2, "the split");
  }
});

test("stacked planes add up to the compressed bytes", async () => {
  const layers = byLayer(await golden("mixed-default/mixed_layer_metrics.csv"), "prefill");
  const [{ y, bars }] = await panels(page, "bytes-by-layer");
  const kilobytes = axis(y);
  for (const side of ["K", "V"]) {
    const [hi, lo] = ["hi", "lo"].map((part) => bars[`kv-bytes-${side}-${part}`]);
    assert.equal(hi.length, layers.size);
    [...layers.values()].forEach(([row], i) => {
      const raw = Number(row.seq_len) * Number(row.kv_heads) * Number(row.head_dim) * Number(row.bytes_per_elem);
      near(kilobytes(lo[i].y), raw / Number(row[`${side.toLowerCase()}_ratio`]) / 1e3, `${side} of layer ${row.layer_id}`);
      near(hi[i].y, lo[i].y + lo[i].height, "the planes meet");
    });
  }
});

test("errors stand on a logarithmic axis, by the measure chosen", async () => {
  const layers = byLayer(await golden("mixed-default/lossy_error_metrics.csv"), "prefill");
  const select = page.locator('[data-chart="error-by-layer"] select');
  for (const [choice, column] of [
    ["mae", "mae"],
    ["maxAbs", "max_abs"],
  ]) {
    await select.selectOption(choice);
    const [{ y, points }] = await panels(page, "error-by-layer");
    for (const side of ["k", "v"]) {
      [...layers.values()].forEach(([row], i) =>
        near(
          axis(y, "log")(points[`kv-points-${side.toUpperCase()}`][i].y),
          Number(row[`${side}_${column}`]),
          `${column} of ${side} in layer ${row.layer_id}`,
        ),
      );
    }
  }
});

test("each chart has a name, a table behind it and can be saved", async () => {
  const figures = page.locator("#result figure.kv-chart");
  for (let i = 0; i < (await figures.count()); i++) {
    const figure = figures.nth(i);
    assert.ok(await figure.locator("svg.kv-sheet > title").textContent());
    await figure.locator("summary").click();
    // Opening is an event, and the table is made when it comes.
    await figure.locator("table tbody tr").first().waitFor();
    for (const [button, ending] of [
      ["Save SVG", ".svg"],
      ["Save PNG", ".png"],
    ]) {
      const [download] = await Promise.all([page.waitForEvent("download"), figure.getByRole("button", { name: button }).click()]);
      assert.ok(download.suggestedFilename().endsWith(ending));
      const bytes = await readFile(await download.path());
      if (ending === ".svg") assert.ok(!/var\(--|<style/.test(bytes.toString()), "a saved picture needs no stylesheet");
      else assert.equal(bytes.subarray(1, 4).toString(), "PNG");
    }
  }
});

test("report.html stands alone", async () => {
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator('[data-file="report.html"]').click()]);
  const html = await readFile(await download.path(), "utf8");
  const csv = await golden("mixed-default/mixed_layer_metrics.csv");
  const { alone, faults } = await openAlone(browser.context, html);
  assert.equal(await alone.locator("svg.kv-sheet").count(), 3);
  assert.equal(await alone.locator("script").count(), 0);
  assert.equal(
    await alone.locator("h3:text('Compression ratio of each layer') + .scroll tbody tr").count(),
    new Set(csv.map((row) => `${row.stage} ${row.layer_id}`)).size * 2,
  );
  assert.deepEqual(faults, []);
  await alone.close();
});

test("the dump's pictures show what the core measured", async () => {
  await page.locator("details.pictures > summary").click();
  await page.waitForSelector('[data-chart="values"] .kv-sheet');
  const { k } = JSON.parse(await readFile(join(ROOT, "tests/data/inspect-layer-14.json"), "utf8"));
  const figure = page.locator('[data-chart="values"]');
  await figure.locator("select").selectOption({ label: "14" });
  const [{ y, bars }] = await panels(page, "values");
  const count = axis(y, "log");
  const expected = k.values.counts.filter((/** @type {number} */ n) => n > 0);
  const tops = bars["kv-bins-K"].map((bar) => count(bar.y));
  assert.equal(tops.length, expected.length);
  expected.forEach((/** @type {number} */ n, /** @type {number} */ i) =>
    assert.ok(Math.abs(tops[i] / n - 1) < 0.01, `${tops[i]} drawn, ${n} counted`),
  );

  const entropy = page.locator('[data-chart="entropy"]');
  await entropy.locator("summary").click();
  await entropy.locator("table tbody tr").first().waitFor();
  const cells = entropy.locator("tr", { has: page.locator("td:nth-child(1):text-is('14')") });
  const texts = await cells.evaluateAll((found) => found.map((row) => [...row.children].map((cell) => cell.textContent)));
  const row = texts.find((row) => row[1] === "K" && row[2] === "high" && row[3] === "yes");
  assert.equal(row?.[5], k.planes[0].delta.entropy.toFixed(3));
  assert.equal(row?.[7], k.planes[0].delta.zstd.toLocaleString("en-US"));
});

test("the sweep: rate, distortion, what passes, and a threshold that moves", async () => {
  // Combinations that come to the same are drawn once.
  /** @type {Map<string, Record<string, string>>} */
  const once = new Map();
  for (const row of await golden("sweep-seed/blocknorm_sweep.csv")) {
    const key = [row.bits, row.weighted_kv_ratio, row.k_mae, row.v_mae].join();
    if (!once.has(key)) once.set(key, row);
  }
  const csv = [...once.values()];
  const { args } = JSON.parse(await readFile(join(ROOT, "tests/data/golden/cases.json"), "utf8")).find(
    (/** @type {{ name: string }} */ each) => each.name === "sweep-seed",
  );
  const settings = new URLSearchParams({ analysis: "sweep" });
  for (let i = 0; i < args.length; i += 2) settings.set(args[i].replace(/^--/, ""), args[i + 1]);
  await page.evaluate((hash) => {
    location.hash = hash;
  }, settings.toString());
  await page.locator("#result").getByText("#1").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.waitForSelector('[data-chart="sweep"] .kv-sheet');
  const drawn = await panels(page, "sweep");
  for (const [i, side] of ["k", "v"].entries()) {
    const { x, y, points } = drawn[i];
    const marks = points[`kv-combo-${side.toUpperCase()}`];
    assert.equal(marks.length, csv.length);
    csv.forEach((row, n) => {
      near(axis(y)(marks[n].y), Number(row.weighted_kv_ratio), `${row.combo} ratio`);
      near(axis(x, "log")(marks[n].x), Number(row[`${side}_mae`]), `${row.combo} ${side} error`);
      assert.equal(marks[n].filled, row.passes_precision === "True", `${row.combo} is drawn ${marks[n].filled ? "filled" : "hollow"}`);
    });
  }
  const sentence = page.locator(".kv-best");
  const before = await sentence.textContent();
  const threshold = page.getByRole("slider", { name: /mean absolute error of K/i });
  await threshold.focus();
  for (let i = 0; i < 4; i++) await page.keyboard.press("PageDown");
  assert.notEqual(await sentence.textContent(), before);
});

test("lossy compare: each method stands at its ratio and error", async () => {
  const csv = (await golden("lossy-compare-default/lossy_compare.csv")).filter((row) => row.stage === "prefill");
  const methods = new Map();
  for (const row of csv) methods.set(row.method, [...(methods.get(row.method) ?? []), row]);
  await page.evaluate(() => {
    location.hash = "analysis=lossy-compare";
  });
  await page.getByRole("tab", { name: /compare/i, selected: true }).waitFor();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.waitForSelector('[data-chart="lossy-compare"] .kv-sheet');
  const drawn = await panels(page, "lossy-compare");
  for (const [i, side] of ["k", "v"].entries()) {
    const { x, y, points } = drawn[i];
    const marks = points[`kv-methods-${side.toUpperCase()}`].map((mark) => [axis(x, "log")(mark.x), axis(y)(mark.y)]);
    assert.equal(marks.length, methods.size);
    for (const [method, captures] of methods) {
      // All captures of this stage have one length: their errors weigh the same.
      const error =
        captures.reduce((/** @type {number} */ sum, /** @type {Record<string, string>} */ row) => sum + Number(row[`${side}_mae`]), 0) /
        captures.length;
      const ratio = weightedRatio(captures, side);
      const found = marks.some(([e, r]) => Math.abs(e / error - 1) < 0.01 && Math.abs(r / ratio - 1) < 0.005);
      assert.ok(found, `${method} on ${side}: no mark at ${error}, ${ratio} among ${marks.join(" ")}`);
    }
  }
});

test("1,500 captures of 30 layers are drawn as 30 layers, and nothing leaves its panel", async () => {
  const found = await page.evaluate(async () => {
    const { drawResult } = await import(new URL("charts/index.js", document.baseURI).href);
    const planes = { split: { hi: 900, lo: 1100 } };
    const tensor = (/** @type {number} */ n) => ({
      rawBytes: 4096,
      size: 2000 + n,
      planes,
      extraBytes: n,
      errors: { mae: 0.01 + n / 1e4, rmse: 0.02, maxAbs: 0.3, cosine: 0.999 },
      nonFinite: 0,
    });
    const rows = Array.from({ length: 1500 }, (_, i) => ({
      layerId: i % 30,
      stage: i < 30 ? "prefill" : "decode",
      seqLen: i < 30 ? 128 : 1,
      kvHeads: 8,
      headDim: 128,
      lossless: i % 30 < 4,
      variant: { label: "quant", bits: 8 },
      k: tensor(i % 30),
      v: tensor((7 * i) % 30),
    }));
    const place = document.createElement("div");
    document.querySelector("main")?.append(place);
    await drawResult(place, { rows, groups: [], settings: {} }, ["ratio", "bytes", "error"]);
    await new Promise((done) => setTimeout(() => requestAnimationFrame(done), 300));
    const charts = [...place.querySelectorAll("svg.kv-sheet")].map((sheet) => {
      const outer = sheet.getBoundingClientRect();
      const labels = [...sheet.querySelectorAll("text")].map((text) => text.getBoundingClientRect()).filter(({ width }) => width > 0);
      const marks = [...sheet.querySelectorAll("circle, rect:not(pattern *), line")].map((mark) => mark.getBoundingClientRect());
      const outside = [...labels, ...marks].filter(
        (box) => box.left < outer.left - 2 || box.right > outer.right + 2 || box.top < outer.top - 2 || box.bottom > outer.bottom + 2,
      ).length;
      const overlaps = labels.filter((a, i) =>
        labels.some((b, j) => j > i && a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3),
      ).length;
      return { elements: sheet.querySelectorAll("*").length, outside, overlaps };
    });
    place.remove();
    return charts;
  });
  assert.equal(found.length, 3);
  for (const { elements, outside, overlaps } of found) {
    assert.ok(elements < 1200, `${elements} elements`);
    assert.deepEqual({ outside, overlaps }, { outside: 0, overlaps: 0 });
  }
});
