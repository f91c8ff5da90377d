// The page as a user has it: drop a folder, set parameters, run, download. The files are the command line's, byte for byte.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { launch } from "./chromium.js";
import { EDGE, SAMPLE } from "./engine.js";
import { folderOf, goldenCases, reports, settingsOf } from "./native.js";
import { serve } from "./server.js";

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let host;
before(async () => {
  host = await serve();
  browser = await launch({ acceptDownloads: true });
});
after(async () => {
  await browser.close();
  await host.close();
});

/**
 * Drops a folder as the system's file manager does.
 * @param {import("playwright-core").Page} page
 * @param {string} folder
 */
async function drop(page, folder) {
  const box = await page.locator(".drop").boundingBox();
  assert.ok(box);
  const client = await page.context().newCDPSession(page);
  const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  const data = { items: [], files: [folder], dragOperationsMask: 1 };
  for (const type of /** @type {const} */ (["dragEnter", "dragOver", "drop"])) await client.send("Input.dispatchDragEvent", { type, ...at, data });
  await client.detach();
}

/**
 * The report files as the page's buttons download them; report.html, which the command line has not, is tested with the charts.
 * @param {import("playwright-core").Page} page
 * @returns {Promise<Record<string, string>>}
 */
async function downloaded(page) {
  /** @type {Record<string, string>} */
  const files = {};
  for (const button of await page.locator('button[data-file]:not([data-file="report.html"])').all()) {
    const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
    files[download.suggestedFilename()] = await readFile(await download.path(), "utf8");
  }
  return files;
}

const cases = await goldenCases();
for (const name of ["mixed-seed", "blocknorm-default", "sweep-small-blocks", "lossy-compare-seed", "edge-mixed-quant"]) {
  for (const engine of ["threads", "serial"]) {
    test(`${name}, dropped and downloaded (${engine})`, async () => {
      const one = cases.find((each) => each.name === name);
      assert.ok(one);
      const folder = folderOf(one);
      const hash = new URLSearchParams({ analysis: one.tool, ...settingsOf(one.args) });
      const page = await browser.context.newPage();
      await page.goto(`${host.url}${engine === "serial" ? "?engine=serial" : ""}#${hash}`);
      await page.locator('.badge:text-matches("thread")').waitFor();
      await drop(page, folder);
      await page.locator(".runs li").first().waitFor();
      await page.getByRole("button", { name: /^Run/ }).click();
      await page.locator("button[data-file]").first().waitFor();
      assert.deepEqual(await downloaded(page), await reports(one.tool, folder, one.args));
      await page.close();
    });
  }
}

test("a copied link opens with the same settings, and gives the same report", async () => {
  const context = browser.context;
  const page = await context.newPage();
  await page.goto(host.url);
  await page.locator('.badge:text-matches("thread")').waitFor();
  await drop(page, SAMPLE);
  await page.locator(".runs li").first().waitFor();
  await page.evaluate(() => (location.hash = "#analysis=blocknorm&bits=6&block-size=32&lossless-first-n=9"));
  await page.getByRole("button", { name: /^Run/ }).click();
  await page.locator("button[data-file]").first().waitFor();
  const other = await context.newPage();
  await other.goto(page.url());
  await other.locator('.badge:text-matches("thread")').waitFor();
  await drop(other, SAMPLE);
  await other.locator(".runs li").first().waitFor();
  await other.getByRole("button", { name: /^Run/ }).click();
  await other.locator("button[data-file]").first().waitFor();
  const [files, otherFiles] = [await downloaded(page), await downloaded(other)];
  assert.deepEqual(otherFiles, files);
  assert.deepEqual(files, await reports("blocknorm", SAMPLE, ["--bits", "6", "--block-size", "32", "--lossless-first-n", "9"]));
  await page.close();
  await other.close();
});

test("dropping a second dump adds it, and each run can be removed", async () => {
  const page = await browser.context.newPage();
  await page.goto(host.url);
  await page.locator('.badge:text-matches("thread")').waitFor();
  await drop(page, SAMPLE);
  await page.locator(".runs li").first().waitFor();
  const runs = page.locator(".runs li");
  assert.equal(await runs.count(), 1);
  await drop(page, EDGE);
  await page.waitForFunction(() => document.querySelectorAll(".runs li").length > 1);
  await runs.filter({ hasText: "prompt_128" }).getByRole("button").click();
  await page.waitForFunction(() => !document.querySelector(".runs")?.textContent?.includes("prompt_128"));
  assert.ok((await runs.count()) > 0);
  await page.close();
});
