// The engine alone, in an empty page: no view of the page has a part in these tests.
import { join } from "node:path";
import { ROOT } from "./server.js";

/** @import { Page } from "playwright-core" */
/** @import { StartOptions } from "../../www/engine/types.js" */

/** To be given to `serve` as `pages`. */
export const EMPTY = { "/empty.html": "<!doctype html><title>empty</title><input type=file webkitdirectory><input type=file multiple>" };

export const SAMPLE = join(ROOT, "tests/data/sample-dump/dumps");
export const EDGE = join(ROOT, "tests/data/edge-dump");

/**
 * Opens the empty page and starts an engine there: `engine` and `EngineError` are then the page's globals.
 * @param {{ newPage: () => Promise<Page> }} context
 * @param {string} origin
 * @param {StartOptions} [options]
 */
export async function openEngine(context, origin, options = {}) {
  const page = await context.newPage();
  await page.goto(`${origin}/empty.html`);
  const info = await page.evaluate(async (options) => {
    const client = await import(`${location.origin}/engine/client.js`);
    const { EngineError } = await import(`${location.origin}/engine/errors.js`);
    Object.assign(window, { EngineError });
    Object.assign(window, { engine: await client.Engine.start(options) });
    return client.Engine && /** @type {any} */ (window).engine.info;
  }, options);
  return { page, info };
}

/**
 * Gives a folder to the engine; `told` is the progress that it told meanwhile.
 * @param {Page} page
 * @param {string} folder
 * @returns {Promise<import("../../www/engine/core.js").DumpSummary & { told: [taken: number, total: number][] }>}
 */
export async function addFolder(page, folder) {
  await page.setInputFiles("input[webkitdirectory]", folder);
  return page.evaluate(async () => {
    const input = /** @type {HTMLInputElement} */ (document.querySelector("input[webkitdirectory]"));
    const entries = [...(input.files ?? [])].map((file) => ({ path: file.webkitRelativePath, file }));
    /** @type {number[][]} */
    const told = [];
    const onProgress = (/** @type {number[]} */ ...progress) => told.push(progress);
    const summary = await /** @type {any} */ (window).engine.addFiles(entries, { onProgress });
    return { ...summary, told };
  });
}

/**
 * Runs an analysis; files come back as text, since reports are text.
 * @param {Page} page
 * @param {import("../../www/engine/types.js").RunRequest} request
 * @returns {Promise<{ files: Record<string, string>, rows: number, workers: number, problems: any[], report: any }>}
 */
export function run(page, request) {
  return page.evaluate(async (request) => {
    const { files, report, workers } = await /** @type {any} */ (window).engine.run(request);
    const texts = files.map((/** @type {any} */ { name, bytes }) => [name, new TextDecoder().decode(bytes)]);
    return {
      files: Object.fromEntries(texts),
      rows: report.rows.length,
      workers,
      problems: report.problems,
      report: { ...report, rows: [] },
    };
  }, request);
}
