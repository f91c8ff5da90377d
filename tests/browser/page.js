// What a user does with the page.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

/** @import { BrowserContext, Page } from "playwright-core" */

/**
 * Opens an address of the page, once its tabs are there. What is reported as an error meanwhile and later is in `faults`.
 * @param {BrowserContext} context
 * @param {string} url
 */
export async function openWatched(context, url) {
  const page = await context.newPage();
  /** @type {string[]} */
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  await page.goto(url);
  await page.getByRole("tab", { name: "Explore" }).waitFor();
  return { page, faults };
}

/**
 * Drops files and folders as the system's file manager does.
 * @param {Page} page
 * @param {string[]} paths
 */
export async function drop(page, ...paths) {
  const box = await page.locator(".drop").boundingBox();
  assert.ok(box);
  const client = await page.context().newCDPSession(page);
  const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of /** @type {const} */ (["dragEnter", "dragOver", "drop"]))
    await client.send("Input.dispatchDragEvent", { type, ...at, data });
  await client.detach();
}

/**
 * Opens a downloaded page by itself. `faults` are its requests, of which it should make none, and its messages.
 * @param {BrowserContext} context
 * @param {string} html
 */
export async function openAlone(context, html) {
  const alone = await context.newPage();
  /** @type {string[]} */
  const faults = [];
  alone.on("request", (request) => faults.push(request.url()));
  alone.on("console", (message) => faults.push(message.text()));
  await alone.setContent(html);
  return { alone, faults };
}

/** Runs what is chosen, to its end: it is among the runs, and its charts are drawn. @param {Page} page */
export async function runToEnd(page) {
  const before = await page.locator(".run-rows li").count();
  await page.locator("#run:enabled", { hasText: "Run" }).click();
  await page.locator(".run-rows li").nth(before).waitFor({ timeout: 120_000 });
  await page.locator("#run", { hasText: "Run" }).waitFor();
  await page.locator("#result-body .charts:not(.drawing)").first().waitFor({ state: "attached" });
}

/** The same in another tab. @param {Page} page @param {string} tab */
export async function runTab(page, tab) {
  await page.getByRole("tab", { name: tab }).click();
  await runToEnd(page);
}

/**
 * The report files as the page's buttons download them; report.html, which the command line has not, is tested with the charts.
 * @param {Page} page
 * @returns {Promise<Record<string, string>>}
 */
export async function downloaded(page) {
  /** @type {Record<string, string>} */
  const files = {};
  for (const button of await page.locator('button[data-file]:not([data-file="report.html"])').all()) {
    const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
    files[download.suggestedFilename()] = await readFile(await download.path(), "utf8");
  }
  return files;
}

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/**
 * What axe finds in the page, of any weight.
 * @param {Page} page
 * @returns {Promise<{ id: string, impact: string, nodes: { html: string }[] }[]>}
 */
export async function violations(page) {
  await page.evaluate(await readFile(AXE, "utf8"));
  return page.evaluate(async () => {
    const { violations } = await /** @type {any} */ (window).axe.run(document, { resultTypes: ["violations"] });
    return violations;
  });
}
