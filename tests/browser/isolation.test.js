// Which engine runs where: hosts with and without the headers, with and without service workers, in foreign frames, under a path.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./chromium.js";
import { addFolder, EMPTY, openEngine, run, SAMPLE } from "./engine.js";
import { reports } from "./native.js";
import { ROOT, serve } from "./server.js";

const BASE = "/some/path/";
/** @type {Record<string, string>} */
let native;
/** @type {(() => Promise<void>)[]} */
const cleanups = [];
before(async () => {
  native = await reports("mixed", SAMPLE);
});
after(async () => {
  for (const cleanup of cleanups) await cleanup();
});

/** @param {import("./server.js").Options} options */
async function host(options) {
  const server = await serve({ isolated: false, base: BASE, ...options });
  cleanups.push(server.close);
  return server;
}

/** @param {Parameters<typeof launch>[0]} [options] */
async function browser(options) {
  const { context, close } = await launch(options);
  cleanups.unshift(close);
  return context;
}

/**
 * Opens the page and waits for its badge.
 * @param {import("playwright-core").BrowserContext} context
 * @param {string} url
 */
async function open(context, url) {
  const page = await context.newPage();
  let loads = 0;
  // Not its load events: a page that reloads at once may have none.
  page.on("request", (request) => {
    if (request.isNavigationRequest() && request.frame() === page.mainFrame()) loads++;
  });
  await page.goto(url);
  const badge = await badgeOf(page);
  return { page, badge, loads: () => loads };
}

/** @param {import("playwright-core").Page | import("playwright-core").Frame} page */
async function badgeOf(page) {
  const badge = page.getByText(/^\d+ threads?(, SIMD|:)/);
  await badge.first().waitFor();
  return (await badge.first().textContent()) ?? "";
}

test("a host without headers: isolated after one reload, and at every later visit without any", async () => {
  const server = await host({});
  const context = await browser();
  const first = await open(context, server.url);
  assert.match(first.badge, /^\d+ threads?, SIMD$/);
  assert.equal(first.loads(), 2);
  const again = await open(context, server.url);
  assert.match(again.badge, /SIMD$/);
  assert.equal(again.loads(), 1);
});

test("a host with headers: threads at once", async () => {
  const server = await host({ isolated: true });
  const { badge, loads } = await open(await browser(), server.url);
  assert.match(badge, /^\d+ threads?, SIMD$/);
  assert.equal(loads(), 1);
});

test("without service workers: one thread, no reload, the same reports", async () => {
  const server = await host({ base: "/", pages: EMPTY });
  const context = await browser({ serviceWorkers: "block" });
  const { badge, loads } = await open(context, server.url);
  assert.equal(badge, "1 thread: this page is not cross-origin isolated");
  assert.equal(loads(), 1);
  const { page } = await openEngine(context, server.origin);
  await addFolder(page, SAMPLE);
  assert.deepEqual((await run(page, { analysis: "mixed", settings: {} })).files, native);
});

test("where a part can't be loaded the page names it and the connection, not the browser", async () => {
  const server = await host({ base: "/" });
  const context = await browser({ serviceWorkers: "block" });
  await context.route("**/*.wasm", (route) => route.abort());
  const page = await context.newPage();
  await page.goto(server.url);
  await page.getByText("A part of kvlens could not be loaded.").waitFor();
  await page.getByText("Check the connection").waitFor();
  await page.getByText("/engine/serial/kvlens_bg.wasm:").waitFor();
});

test("a service worker that does not isolate the page leads to one reload, not to a loop", async () => {
  const idle =
    "addEventListener('install', () => skipWaiting()); addEventListener('activate', (event) => event.waitUntil(clients.claim()));";
  const server = await host({ replace: (file) => (file === "/sw.js" ? idle : undefined) });
  const { page, loads } = await open(await browser(), server.url).catch(async () => assert.fail("no badge"));
  const badge = await badgeOf(page);
  assert.equal(badge, "1 thread: this page is not cross-origin isolated");
  await page.waitForTimeout(1500);
  assert.equal(loads(), 2);
});

test("in a frame of a foreign page: one thread, no reload, and it works", async () => {
  const server = await host({ isolated: true, base: "/" });
  const outer = await host({
    pages: { "/outer.html": `<!doctype html><title>outer</title><iframe src="${server.url}" width=1000 height=800></iframe>` },
  });
  const page = await (await browser()).newPage();
  await page.goto(`${outer.origin}/outer.html`);
  const frame = page.frames()[1] ?? (await page.waitForEvent("frameattached"));
  assert.equal(await badgeOf(frame), "1 thread: this page is not cross-origin isolated");
  assert.equal(server.requests.filter((path) => path === "/").length, 1);
  await frame.locator("#try-sample").click();
  await frame.locator("button[data-file]").first().waitFor();
});

test("?engine=serial and ?threads=N are obeyed", async () => {
  const server = await host({ isolated: true });
  const context = await browser();
  assert.match((await open(context, `${server.url}?engine=serial`)).badge, /^1 thread: /);
  assert.equal((await open(context, `${server.url}?threads=1`)).badge, "1 thread, SIMD");
  assert.equal((await open(context, `${server.url}?threads=3`)).badge, "3 threads, SIMD");
});

test("a new version is kept whole, offered, and taken at a click", async () => {
  const [oldIcon, newIcon] = ["<svg><!--old--></svg>", "<svg><!--new--></svg>"];
  const script = readFileSync(join(ROOT, "dist/sw.js"), "utf8");
  const digest = (/** @type {string} */ text) => createHash("sha256").update(text).digest("hex");
  let icon = oldIcon;
  const version = () =>
    script.replace(/VERSION = "/, `$&${icon === oldIcon ? "a" : "b"}`).replace(/"icon.svg": "\w+"/, `"icon.svg": "${digest(icon)}"`);
  const server = await host({ replace: (file) => (file === "/icon.svg" ? icon : file === "/sw.js" ? version() : undefined) });
  const context = await browser();
  const { page } = await open(context, server.url);
  const shown = () => page.evaluate(async () => (await fetch("icon.svg")).text());
  const keep = (/** @type {string} */ base) =>
    page.evaluate(async (base) => (await import(`${base}engine/isolation.js`)).keepOffline(), base);
  assert.equal(await keep(server.url), true);
  icon = newIcon;
  assert.equal(await shown(), oldIcon);
  await page.reload();
  const update = page.getByRole("button", { name: "Update" });
  await update.waitFor();
  assert.equal(await shown(), oldIcon);
  await Promise.all([page.waitForEvent("load"), update.click()]);
  await badgeOf(page);
  assert.equal(await shown(), newIcon);
});

test("who is asked before an update, and stays, can update later", async () => {
  let newer = false;
  const script = readFileSync(join(ROOT, "dist/sw.js"), "utf8");
  const server = await host({ replace: (file) => (file === "/sw.js" && newer ? script.replace('VERSION = "', "$&b") : undefined) });
  const { page } = await open(await browser(), server.url);
  await page.locator("#try-sample").click();
  await page.locator(".run-rows li").first().waitFor();
  newer = true;
  await page.evaluate(async () => void (await (await navigator.serviceWorker.ready).update()));
  const update = page.getByRole("button", { name: "Update" });
  await update.waitFor();
  page.once("dialog", (dialog) => dialog.dismiss());
  await Promise.all([page.waitForEvent("dialog"), update.click()]);
  page.once("dialog", (dialog) => dialog.accept());
  await Promise.all([page.waitForEvent("load"), update.click()]);
  await badgeOf(page);
});
