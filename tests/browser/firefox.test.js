// The main path in a real Firefox: the page gets its threads from the service worker, reads a dump, and its reports are the command line's.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "./firefox.js";
import { SAMPLE } from "./engine.js";
import { reports } from "./native.js";
import { serve } from "./server.js";

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let host;
before(async () => {
  host = await serve({ isolated: false });
  browser = await launch();
});
after(async () => {
  await browser.close();
  await host.close();
});

for (const [search, badge] of [
  ["", /^\d+ threads?, SIMD$/],
  ["?engine=serial", /^1 thread: /],
]) {
  test(`the sample, run and read back (${search || "threads"})`, { timeout: 120_000 }, async () => {
    const page = await browser.newPage();
    await page.goto(host.url + search);
    const shown = await page.waitForSelector('.badge:not([data-kind="starting"])', { timeout: 30_000 });
    // The first visit reloads once: the badge of the second load counts.
    const text = await page
      .waitForFunction(() => document.querySelector('.badge[data-kind="threads"], .badge[data-kind="serial"]')?.textContent, { timeout: 30_000 })
      .then((handle) => handle.jsonValue());
    assert.ok(shown);
    assert.match(String(text), /** @type {RegExp} */ (badge));
    await page.evaluate(() => {
      // Downloads end up in Firefox's own folder: what they hold is taken on the way.
      const files = /** @type {Record<string, Promise<string>>} */ ({});
      Object.assign(window, { files });
      document.addEventListener("click", (event) => {
        const link = /** @type {HTMLElement} */ (event.target);
        if (!(link instanceof HTMLAnchorElement) || !link.download) return;
        files[link.download] = fetch(link.href).then((response) => response.text());
      }, true);
    });
    await page.evaluate(() => /** @type {HTMLElement} */ (document.getElementById("try-sample")).click());
    await page.waitForSelector("button[data-file]", { timeout: 60_000 });
    const rows = await page.evaluate(() => document.querySelectorAll("button[data-file]").length);
    assert.equal(rows, Object.keys(await reports("mixed", SAMPLE)).length);
    await page.close();
  });
}
