// The engine in Chromium beside the command line: node bench.js DUMP THREADS ROUNDS CSV [ANALYSIS]. Neither verifies; the best of the
// rounds counts, which take turns, so that the files are in the system's cache and other work on the machine slows both. The command
// line's time goes from start to end, its scan included; the page has scanned before. The first run in a new tab is told apart: after
// it the engine is compiled to the end, and small files are kept.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launch } from "./chromium.js";
import { addFolder, EMPTY, openEngine } from "./engine.js";
import { PROGRAM } from "./native.js";
import { serve } from "./server.js";

const TARGET = 1.6;
const [dump, threads, rounds, csv, only] = process.argv.slice(2);
const out = mkdtempSync(join(tmpdir(), "kvlens-bench-"));
const host = await serve({ pages: EMPTY });
const browser = await launch();

/** @param {string} analysis */
function native(analysis) {
  const started = performance.now();
  execFileSync(PROGRAM, [analysis, "--dump-dir", dump, "--out-dir", out, "--threads", threads], { stdio: "ignore" });
  return performance.now() - started;
}

/**
 * @param {import("playwright-core").Page} page
 * @param {string} analysis
 * @returns {Promise<number>}
 */
const inBrowser = (page, analysis) =>
  page.evaluate(async (analysis) => {
    const { elapsedMs } = await /** @type {any} */ (window).engine.run({ analysis, settings: {}, verify: false });
    return elapsedMs;
  }, analysis);

/** The analyses there are. */
async function names() {
  const { page } = await openEngine(browser.context, host.origin);
  const specs = await page.evaluate(() => /** @type {any} */ (window).engine.specs());
  await page.close();
  return specs.map((/** @type {{ name: string }} */ { name }) => name);
}

console.log(`analysis       native s  first run s  browser s  MB/s in the browser  ratio (at most ${TARGET}; ${threads} threads)`);
const lines = ["analysis,threads,bytes,native_seconds,browser_first_seconds,browser_seconds,browser_mb_per_s,ratio"];
/** @type {string[]} */
const analyses = only ? [only] : await names();
for (const analysis of analyses) {
  const { page } = await openEngine(browser.context, host.origin, { kind: "threads", threads: Number(threads) });
  const { bytes } = await addFolder(page, dump);
  const first = await inBrowser(page, analysis);
  let [best, bestInBrowser] = [Infinity, Infinity];
  for (let round = 0; round < Number(rounds); round++) {
    best = Math.min(best, native(analysis));
    bestInBrowser = Math.min(bestInBrowser, await inBrowser(page, analysis));
  }
  await page.close();
  const columns = [best / 1e3, first / 1e3, bestInBrowser / 1e3, bytes / 1e3 / bestInBrowser, bestInBrowser / best];
  console.log(analysis.padEnd(13), columns.map((value, i) => value.toFixed(2).padStart([9, 12, 10, 20, 6][i])).join(" "));
  lines.push([analysis, threads, bytes, ...columns.map((value) => value.toFixed(3))].join(","));
}
writeFileSync(csv, `${lines.join("\n")}\n`);
await browser.close();
await host.close();
rmSync(out, { recursive: true });
