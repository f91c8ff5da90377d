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
    // The first visit reloads once: the badge of the second load counts.
    const ready = () => document.querySelector('.badge[data-kind="threads"], .badge[data-kind="serial"]')?.textContent;
    const text = await page.waitForFunction(ready, { timeout: 30_000 }).then((handle) => handle.jsonValue());
    assert.match(String(text), /** @type {RegExp} */ (badge));
    await page.evaluate(() => {
      // Downloads would end up in Firefox's own folder: what they hold is taken on the way.
      /** @type {Record<string, Promise<string>>} */
      const files = {};
      /** @type {Blob | undefined} */
      let last;
      const make = URL.createObjectURL;
      URL.createObjectURL = (blob) => make((last = /** @type {Blob} */ (blob)));
      HTMLAnchorElement.prototype.click = function () {
        if (last) files[this.download] = last.text();
      };
      Object.assign(window, { files });
      document.getElementById("try-sample")?.click();
    });
    await page.waitForSelector("button[data-file]", { timeout: 60_000 });
    const files = await page.evaluate(async () => {
      for (const button of document.querySelectorAll("button[data-file]")) /** @type {HTMLElement} */ (button).click();
      const taken = Object.entries(/** @type {any} */ (window).files).map(async ([name, text]) => [name, await text]);
      return Object.fromEntries(await Promise.all(taken));
    });
    const native = await reports("mixed", SAMPLE);
    for (const [name, text] of Object.entries(native)) assert.equal(files[name], text, name);
    await page.close();
  });
}
