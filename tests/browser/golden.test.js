// The page as a user has it: drop a folder, set parameters, run, download. The files are the command line's, byte for byte.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./chromium.js";
import { EDGE, SAMPLE } from "./engine.js";
import { folderOf, goldenCases, reports, settingsOf } from "./native.js";
import { downloaded, drop, runToEnd } from "./page.js";
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
 * @param {import("playwright-core").Page} page
 * @param {string} address
 * @param {string} folder
 */
async function openAndDrop(page, address, folder) {
  await page.goto(address);
  await page.locator('.badge:text-matches("thread")').waitFor();
  await drop(page, folder);
  await page.locator(".runs li").first().waitFor();
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
      await openAndDrop(page, `${host.url}${engine === "serial" ? "?engine=serial" : ""}#${hash}`, folder);
      await runToEnd(page);
      assert.deepEqual(await downloaded(page), await reports(one.tool, folder, one.args));
      await page.close();
    });
  }
}

test("a copied link opens with the same settings, and gives the same report", async () => {
  const context = browser.context;
  const page = await context.newPage();
  await openAndDrop(page, host.url, SAMPLE);
  await page.evaluate(() => (location.hash = "#analysis=blocknorm&bits=6&block-size=32&lossless-first-n=9"));
  await runToEnd(page);
  const other = await context.newPage();
  await openAndDrop(other, page.url(), SAMPLE);
  await runToEnd(other);
  const [files, otherFiles] = [await downloaded(page), await downloaded(other)];
  assert.deepEqual(otherFiles, files);
  assert.deepEqual(files, await reports("blocknorm", SAMPLE, ["--bits", "6", "--block-size", "32", "--lossless-first-n", "9"]));
  await page.close();
  await other.close();
});

test("a folder is also taken in where a browser has entries of it, not handles", async () => {
  const page = await browser.context.newPage();
  await page.addInitScript(() => Reflect.deleteProperty(DataTransferItem.prototype, "getAsFileSystemHandle"));
  await openAndDrop(page, host.url, EDGE);
  await runToEnd(page);
  assert.deepEqual(await downloaded(page), await reports("mixed", EDGE));
  await page.close();
});

test("a file that the browser does not give is named, and the others are taken in", async () => {
  const page = await browser.context.newPage();
  await page.addInitScript(() => {
    const { getFile } = FileSystemFileHandle.prototype;
    FileSystemFileHandle.prototype.getFile = function () {
      return this.name === "k_t0_128.bin" ? Promise.reject(new DOMException("", "NotAllowedError")) : getFile.call(this);
    };
    // Else the entry's file is taken in the handle's place.
    DataTransferItem.prototype.webkitGetAsEntry = () => null;
  });
  await openAndDrop(page, host.url, join(SAMPLE, "prompt_128/layer_2"));
  assert.match(await page.getByRole("alert").filter({ hasText: "does not give" }).innerText(), /this file: layer_2\/k_t0_128\.bin/);
  await page.close();
});

test("dropping a second dump adds it, and each run can be removed", async () => {
  const page = await browser.context.newPage();
  await openAndDrop(page, host.url, SAMPLE);
  const runs = page.locator(".runs li");
  assert.equal(await runs.count(), 1);
  await drop(page, EDGE);
  await page.waitForFunction(() => document.querySelectorAll(".runs li").length > 1);
  await runs.filter({ hasText: "prompt_128" }).getByRole("button").click();
  await page.waitForFunction(() => !document.querySelector(".runs")?.textContent?.includes("prompt_128"));
  assert.ok((await runs.count()) > 0);
  await page.close();
});
