// The engine in Chromium beside the command line: node bench.js DUMP THREADS ROUNDS CSV [ANALYSIS]. Neither verifies; the best of the
// rounds counts, which take turns, so that the files are in the system's cache and other work on the machine slows both. The command
// line's time goes from start to end, its scan included; the page has scanned before. Apart from that, in a new tab, the first run and
// the second as a reader has them: verified, after the estimates that the page makes of every dump, which leave the engine warm.
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
const inBrowser = (page, analysis) => run(page, { analysis, settings: {}, verify: false });

/** @param {import("playwright-core").Page} page @param {object} request @returns {Promise<number>} */
const run = (page, request) => page.evaluate(async (request) => (await /** @type {any} */ (window).engine.run(request)).elapsedMs, request);

/** The first and the second run of a reader in a new tab. @param {string} analysis */
async function asRead(analysis) {
  const { page } = await openEngine(browser.context, host.origin, { kind: "threads", threads: Number(threads) });
  await addFolder(page, dump);
  // As www/actions/estimate.js has it.
  const estimate = { verify: false, sample: { what: "captures", bytes: 8 << 20 } };
  if (analysis !== "explore") await run(page, { analysis, settings: {}, ...estimate });
  const glimpse = { classes: "engine,stored", steps: "0.04,0.085,0.18", queries: "4" };
  await run(page, { analysis: "explore", settings: glimpse, verify: false, sample: { what: "layers", layers: 2 } });
  const times = [];
  for (let i = 0; i < 2; i++) times.push(await run(page, { analysis, settings: {}, verify: true }));
  await page.close();
  return times;
}

/** The analyses there are. */
async function names() {
  const { page } = await openEngine(browser.context, host.origin);
  const specs = await page.evaluate(() => /** @type {any} */ (window).engine.specs());
  await page.close();
  return specs.map((/** @type {{ name: string }} */ { name }) => name);
}

console.log(
  `analysis       native s  first s  second s (verified)  browser s  MB/s in the browser  ratio (at most ${TARGET}; ${threads} threads)`,
);
const lines = [
  "analysis,threads,bytes,native_seconds,first_verified_seconds,second_verified_seconds,browser_seconds,browser_mb_per_s,ratio",
];
/** @type {string[]} */
const analyses = only ? [only] : await names();
for (const analysis of analyses) {
  const { page } = await openEngine(browser.context, host.origin, { kind: "threads", threads: Number(threads) });
  const { bytes } = await addFolder(page, dump);
  await inBrowser(page, analysis);
  let [best, bestInBrowser] = [Infinity, Infinity];
  for (let round = 0; round < Number(rounds); round++) {
    best = Math.min(best, native(analysis));
    bestInBrowser = Math.min(bestInBrowser, await inBrowser(page, analysis));
  }
  await page.close();
  const [first, second] = await asRead(analysis);
  const columns = [best / 1e3, first / 1e3, second / 1e3, bestInBrowser / 1e3, bytes / 1e3 / bestInBrowser, bestInBrowser / best];
  console.log(analysis.padEnd(13), columns.map((value, i) => value.toFixed(2).padStart([9, 8, 9, 22, 20, 6][i])).join(" "));
  lines.push([analysis, threads, bytes, ...columns.map((value) => value.toFixed(3))].join(","));
  // After each: explore takes minutes, and who does not wait for it has the others.
  writeFileSync(csv, `${lines.join("\n")}\n`);
}
await browser.close();
await host.close();
rmSync(out, { recursive: true });
