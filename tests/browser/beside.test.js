// What stands beside a result's ratios, and that there is one best at a time: packed sizes, rounding, other codecs; thresholds that move
// headline, table and files together; equal combinations once, with marks that tell all values apart.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./chromium.js";
import { downloaded, runToEnd } from "./page.js";
import { ROOT, serve } from "./server.js";

/** @import { Page } from "playwright-core" */

const SAMPLE = join(ROOT, "tests/data/sample-dump/dumps");

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let host;
before(async () => {
  host = await serve();
  browser = await launch({ acceptDownloads: true, viewport: { width: 1280, height: 900 } });
});
after(async () => {
  await browser.close();
  await host.close();
});

/** A finished run on the sample. @param {string} hash */
async function run(hash) {
  const page = await browser.context.newPage();
  await page.goto(`${host.url}#${hash}`);
  await page.getByRole("tab", { name: "Mixed" }).waitFor();
  await page.setInputFiles("#choose-folder", SAMPLE);
  await runToEnd(page);
  return page;
}

/** @param {Page} page @param {string} what */
const sentence = (page, what) => page.locator(`.otherwise [data-what="${what}"]`).innerText();

test("beside a truncated result stand its packed size, what rounding gives, and the better codec of K and of V", async () => {
  const page = await run("lossless-first-n=0&lossy-mantissa-bits=6");
  // Sign, 5 bits of exponent and 6 of mantissa in place of 16.
  assert.match(await sentence(page, "Packed"), /take KV 1\.333×, K 1\.333×, V 1\.333×/);
  const [rounded, cut] = [...(/K a mean absolute error of ([\d.]+) instead of ([\d.]+)/.exec(await sentence(page, "Rounding")) ?? [])]
    .slice(1)
    .map(Number);
  assert(rounded / cut > 0.4 && rounded / cut < 0.6, `${rounded} rounded, ${cut} cut`);
  await page.locator('.otherwise [data-what="Codec"]').waitFor();
  const better = /V with gear \(([\d.]+)× instead of ([\d.]+)× with gear-delta\)/.exec(await sentence(page, "Codec"));
  assert(better && Number(better[1]) > Number(better[2]));
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator('[data-file="report.html"]').click()]);
  const report = await readFile(await download.path(), "utf8");
  for (const what of ["Packed", "Rounding", "Codec"]) assert(report.includes((await sentence(page, what)).replace(/^\w+: /, "")), what);
  await page.close();
});

test("a quantized result packs to its bits, and says that it rounds", async () => {
  const page = await run("lossless-first-n=0&lossy-method=quant");
  assert.match(await sentence(page, "Packed"), /8 bits a value and a scale\) take KV (1\.9\d\d|2\.000)×/);
  assert.match(await sentence(page, "Rounding"), /nearest/);
  await page.close();
});

test("a threshold that moves takes headline, table and files along, and the core writes them", async () => {
  const page = await run("analysis=sweep&bits-list=6,8,10");
  const headline = () => page.locator(".shown .big-value").innerText();
  const [before, files] = [await headline(), await downloaded(page)];
  await page.getByRole("slider", { name: /mean absolute error of K/i }).focus();
  for (let i = 0; i < 2; i++) await page.keyboard.press("PageUp");
  const slider = page.getByRole("slider", { name: /mean absolute error of V/i });
  await slider.focus();
  for (let i = 0; i < 3; i++) await page.keyboard.press("PageUp");
  await page.waitForFunction((before) => document.querySelector(".shown .big-value")?.textContent !== before, before);
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("role")), "slider", "the handle keeps the focus");
  const label = await page.locator(".shown .sentence strong").first().innerText();
  const moved = await downloaded(page);
  assert.notEqual(moved["blocknorm_best.md"], files["blocknorm_best.md"]);
  const passing = moved["blocknorm_sweep.csv"].split("\n").filter((line) => /,True,/.test(line));
  assert.equal(passing[0].split(",")[0], label, "headline and file name the same best");
  const [kv, says] = [await headline(), await page.locator(".kv-best").innerText()];
  assert(says.includes(`KV ${kv}`), `${says} and ${kv}`);
  assert.equal(await page.locator("td .pass").count(), await distinct(page, true));
  assert.match(says, new RegExp(`${passing.length} of 27 combinations pass`));
  // As it is written beside the line.
  const wanted = Number(Number(await slider.getAttribute("aria-valuenow")).toPrecision(3));
  assert(moved["blocknorm_best.md"].includes(`V MAE<=${wanted}`), `${wanted} in ${moved["blocknorm_best.md"].split("\n")[4]}`);
  await page.close();
});

/** Rows of the table of combinations. @param {Page} page @param {boolean} passing */
const distinct = (page, passing) => page.locator(`[aria-label="Figures of each variant"] tbody tr${passing ? ":not(.fails)" : ""}`).count();

test("combinations that come to the same are shown once, and marks tell all values apart", async () => {
  const bits = Array.from({ length: 12 }, (_, i) => i + 2);
  const page = await run(`analysis=sweep&block-sizes=32,64,128&topk-ratios=0.02,0.5&bits-list=${bits.join(",")}`);
  await page.locator('[data-chart="sweep"] .kv-sheet').waitFor();
  // head_dim is 64: a block of 128 is one of 64.
  const marks = await page
    .locator(".kv-combo-K")
    .evaluateAll((all) => all.map((mark) => [mark.getAttribute("d"), mark.getAttribute("aria-label")]));
  assert.equal(marks.length, await distinct(page, false));
  assert(marks.length <= bits.length * 2 * 2, `${marks.length} marks`);
  assert.match(await sentence(page, "Equal"), new RegExp(`72 combinations have ${marks.length} different results`));
  const forms = new Map();
  for (const [form, label] of marks) {
    const value = `${/block size (\d+)/.exec(label ?? "")?.[1]} ${/(\d+) bits/.exec(label ?? "")?.[1]}`;
    assert.equal(forms.get(form) ?? value, value, "one form, one pair of block size and bits");
    forms.set(form, value);
  }
  assert.equal(await page.locator('[data-chart="sweep"] .kv-whisker').count(), 2 * marks.length);
  await page.close();
});
