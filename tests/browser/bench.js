// The engine in Chromium beside the command line: node bench.js DUMP THREADS ROUNDS CSV [ANALYSIS]. Neither verifies; the best of the
// rounds counts, which take turns, so that the files are in the system's cache and other work on the machine slows both. The command
// line's time goes from start to end, its scan included; the page has scanned before. Apart from that, in a new tab, the first run and
// the second as a reader has them: verified, after the estimates that the page makes of every dump, which leave the engine warm; how long
// the page was held up meanwhile; and how long a run in its middle takes to be cancelled, and the engine to answer again.
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

/**
 * Ends a run in its middle.
 * @param {import("playwright-core").Page} page
 * @param {object} request
 * @param {number} after when, in ms
 * @returns {Promise<{ answered: number, idle: number }>} ms until the page is told that it is cancelled, and until the engine answers again
 */
const cancel = (page, request, after) =>
  page.evaluate(
    async ({ request, after }) => {
      const { engine } = /** @type {any} */ (window);
      const abort = new AbortController();
      const running = engine.run(request, { signal: abort.signal }).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, after));
      const started = performance.now();
      abort.abort();
      await running;
      const answered = performance.now() - started;
      await engine.plan("mixed", {});
      return { answered, idle: performance.now() - started };
    },
    { request, after },
  );

/**
 * Tells the longest time for which the page is held up from now on, in ms; browsers tell of those over 50.
 * @param {import("playwright-core").Page} page
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

/** What a reader meets in a new tab. @param {string} analysis */
async function asRead(analysis) {
  const { page } = await openEngine(browser.context, host.origin, { kind: "threads", threads: Number(threads) });
  await addFolder(page, dump);
  // As www/actions/estimate.js has it.
  const estimate = { verify: false, sample: { bytes: 8 << 20 } };
  if (analysis !== "explore") await run(page, { analysis, settings: {}, ...estimate });
  const glimpse = { classes: "engine,stored", steps: "0.04,0.085,0.18", queries: "4" };
  await run(page, { analysis: "explore", settings: glimpse, verify: false, sample: { layers: 2 } });
  const longest = await longestTask(page);
  const request = { analysis, settings: {}, verify: true };
  const [first, second] = [await run(page, request), await run(page, request)];
  const task = await longest();
  const { answered, idle } = await cancel(page, request, second / 2);
  await page.close();
  return { first, second, task, answered, idle };
}

/** The analyses there are. */
async function names() {
  const { page } = await openEngine(browser.context, host.origin);
  const specs = await page.evaluate(() => /** @type {any} */ (window).engine.specs());
  await page.close();
  return specs.map((/** @type {{ name: string }} */ { name }) => name);
}

console.log(
  `analysis       native s  first s  second s (verified)  browser s  MB/s in the browser  ratio (at most ${TARGET}; ${threads} threads)  held up ms  cancelled ms  idle ms`,
);
const lines = [
  "analysis,threads,bytes,native_seconds,first_verified_seconds,second_verified_seconds,browser_seconds,browser_mb_per_s,ratio,held_up_ms,cancelled_ms,idle_ms",
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
  const { first, second, task, answered, idle } = await asRead(analysis);
  const columns = [best / 1e3, first / 1e3, second / 1e3, bestInBrowser / 1e3, bytes / 1e3 / bestInBrowser, bestInBrowser / best];
  const delays = [task, answered, idle].map(Math.round);
  console.log(
    analysis.padEnd(13),
    columns.map((value, i) => value.toFixed(2).padStart([9, 8, 9, 22, 20, 6][i])).join(" "),
    delays.map((value, i) => String(value).padStart([37, 13, 8][i])).join(" "),
  );
  lines.push([analysis, threads, bytes, ...columns.map((value) => value.toFixed(3)), ...delays].join(","));
  // After each: explore takes minutes, and who does not wait for it has the others.
  writeFileSync(csv, `${lines.join("\n")}\n`);
}
await browser.close();
await host.close();
rmSync(out, { recursive: true });
