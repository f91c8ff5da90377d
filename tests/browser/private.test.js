// Nothing leaves the tab, and the page works without the network after the first visit.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "./chromium.js";
import { EMPTY, SAMPLE } from "./engine.js";
import { serve } from "./server.js";

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let host;
before(async () => {
  host = await serve({ isolated: false, pages: EMPTY });
  browser = await launch();
});
after(async () => {
  await browser.close();
  await host.close();
});

/** @param {import("playwright-core").Page} page */
const keepOffline = (page) => page.evaluate(async () => (await import(`${location.origin}/engine/isolation.js`)).keepOffline());

test("no request goes to another origin, and none at all from the drop to the report", async () => {
  /** @type {string[]} */
  const urls = [];
  browser.context.on("request", (request) => urls.push(request.url()));
  const page = await browser.context.newPage();
  await page.goto(host.url);
  await page
    .getByText(/^\d+ threads?, SIMD$/)
    .first()
    .waitFor();
  assert.equal(await keepOffline(page), true);
  // Some seconds after a load Chromium asks the host once more for the service worker.
  const asked = () => host.requests.filter((path) => path === "/sw.js").length;
  for (let waited = 0; waited < 10_000 && asked() < 2; waited += 100) await page.waitForTimeout(100);
  const loaded = [urls.length, host.requests.length];
  const chooser = page.locator("input[type=file][webkitdirectory]").first();
  await chooser.setInputFiles(SAMPLE);
  await page.getByRole("button", { name: /^Run/ }).click();
  await page.getByText("mixed_summary.md").first().waitFor();
  for (const button of await page.locator("button[data-file], #download-all").all()) {
    await Promise.all([page.waitForEvent("download"), button.click()]);
  }
  assert.deepEqual(
    urls.slice(loaded[0]).filter((url) => !url.startsWith("blob:")),
    [],
  );
  assert.deepEqual(host.requests.slice(loaded[1]), []);
  assert.deepEqual(
    urls.filter((url) => !url.startsWith(host.origin) && !/^(blob|data):/.test(url)),
    [],
  );
  const stored = await page.evaluate(async () => {
    const databases = await indexedDB.databases();
    const names = [];
    for (const name of await caches.keys())
      for (const request of await (await caches.open(name)).keys()) names.push(new URL(request.url).pathname);
    return { databases: databases.length, names };
  });
  assert.equal(stored.databases, 0);
  assert.deepEqual(
    stored.names.filter((name) => /meta_|\.bin/.test(name)),
    [],
  );
  await page.close();
});

/** Whether the page may not connect to `url`. @param {import("playwright-core").Page} page @param {string} url */
const refused = (page, url) =>
  page.evaluate(
    (url) =>
      fetch(url, { mode: "no-cors" }).then(
        () => false,
        () => true,
      ),
    url,
  );

test("the policy forbids connections elsewhere, in the page and in workers", async (context) => {
  const other = await serve({ isolated: true });
  context.after(() => other.close());
  const page = await browser.context.newPage();
  await page.goto(host.url);
  await page
    .getByText(/^\d+ threads?, SIMD$/)
    .first()
    .waitFor();
  assert.equal(await refused(page, other.url), true);
  // Workers go by the header of their script.
  const policy = await page.evaluate(async () => (await fetch("engine/pool.js")).headers.get("content-security-policy"));
  assert.match(policy ?? "", /default-src 'none'/);
  assert.deepEqual(other.requests, []);
  await page.close();
});

test("without a service worker the page's own policy forbids them", async (context) => {
  const other = await serve({ isolated: true });
  context.after(() => other.close());
  const bare = await launch({ serviceWorkers: "block" });
  context.after(() => bare.close());
  const page = await bare.context.newPage();
  await page.goto(host.url);
  await page
    .getByText(/^1 thread: /)
    .first()
    .waitFor();
  assert.equal(await refused(page, other.url), true);
  assert.deepEqual(other.requests, []);
});

test("after the first visit the page loads and runs without the host", async () => {
  const page = await browser.context.newPage();
  await page.goto(host.url);
  assert.equal(await keepOffline(page), true);
  await host.close();
  await page.reload();
  await page
    .getByText(/^\d+ threads?, SIMD$/)
    .first()
    .waitFor();
  await page.locator("input[type=file][webkitdirectory]").first().setInputFiles(SAMPLE);
  await page.getByRole("button", { name: /^Run/ }).click();
  await page.getByText("mixed_summary.md").first().waitFor();
  await page.close();
});
