// What is kept for offline use is what was built, whatever a network or a disk put in its place.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { launch } from "./chromium.js";
import { ROOT, serve } from "./server.js";

/** @import { Page } from "playwright-core" */

/**
 * A host without headers, and a browser that has never been there.
 * @param {import("node:test").TestContext} context
 * @param {import("./server.js").Options} [options]
 */
async function setUp(context, options) {
  const host = await serve({ isolated: false, ...options });
  const browser = await launch();
  context.after(async () => {
    await browser.close();
    await host.close().catch(() => {});
  });
  return { host, page: await browser.context.newPage() };
}

/** Waits until the page computes with threads, so that it went through the service worker. @param {Page} page */
const ready = (page) =>
  page
    .getByText(/^\d+ threads?, SIMD$/)
    .first()
    .waitFor({ timeout: 30_000 });

/** @param {Page} page */
const keepOffline = (page) => page.evaluate(async () => (await import(`${document.baseURI}engine/isolation.js`)).keepOffline());

/** The digest of a file as the page gets it. @param {Page} page @param {string} name */
const received = (page, name) => page.evaluate(async (name) => [...new Uint8Array(await (await fetch(name)).arrayBuffer())].join(), name);

/** @param {string} name */
const built = (name) => [...readFileSync(join(ROOT, "dist", name))].join();

test("the log-in page of a network is not kept in place of a file", async (context) => {
  let portal = true;
  // The page itself came through; then the network asks to log in.
  const late = ["/sample.zip", "/vendor/plot.js", "/icon.svg"];
  const { host, page } = await setUp(context, {
    replace: (file) => (portal && late.includes(file) ? "<!doctype html><title>Log in</title>" : undefined),
  });
  await page.goto(host.url);
  await ready(page);
  assert.equal(await keepOffline(page), false);
  portal = false;
  await page.reload();
  await ready(page);
  assert.equal(await keepOffline(page), true);
  await host.close();
  await page.reload();
  await ready(page);
  for (const file of late) assert.equal(await received(page, file.slice(1)), built(file), file);
});

test("a damaged cache heals at the next load", async (context) => {
  const { host, page } = await setUp(context);
  await page.goto(host.url);
  await ready(page);
  assert.equal(await keepOffline(page), true);
  const files = ["index.html", "main.js", "engine/threads/kvlens_bg.wasm", "style/base.css"];
  await page.evaluate(async (files) => {
    for (const cache of await caches.keys())
      for (const file of files)
        await (await caches.open(cache)).put(file, new Response("\0\0\0", { headers: { "Content-Type": "text/html" } }));
  }, files);
  await page.reload();
  await ready(page);
  assert.equal(await keepOffline(page), true);
  await host.close();
  await page.reload();
  await ready(page);
  for (const file of files) assert.equal(await received(page, file), built(file), file);
});

test("two copies on one origin leave each other what is kept", async (context) => {
  const { host, page } = await setUp(context, {
    base: "/one/",
    second: "/two/",
    replace: (file, base) =>
      file === "/sw.js" && base === "/two/" ? readFileSync(join(ROOT, "dist/sw.js"), "utf8").replace('VERSION = "', "$&other") : undefined,
  });
  for (const path of ["/one/", "/two/"]) {
    await page.goto(host.origin + path);
    await ready(page);
    assert.equal(await keepOffline(page), true);
  }
  await host.close();
  for (const path of ["/one/", "/two/"]) {
    await page.goto(host.origin + path);
    await ready(page);
  }
});

test("other pages under the same path stay as their host sends them", async (context) => {
  const script = "<!doctype html><title>before</title><script>document.title = 'after'</script>";
  const { host, page } = await setUp(context, { pages: { "/blog/index.html": script } });
  await page.goto(host.url);
  await ready(page);
  await page.goto(`${host.origin}/blog/index.html`);
  assert.equal(await page.title(), "after");
});
