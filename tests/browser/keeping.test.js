// Runs that are kept in this browser: what several tabs do to them, what a link and a frame do with them, and what is said where they can't be.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { runToEnd } from "./page.js";
import { ROOT } from "./server.js";
import { until, visit } from "./visit.js";

/** @import { Page } from "playwright-core" */

// Requests of a service worker would pass by the tests' own dump.
const site = visit({ serviceWorkers: "block" });

/** @type {Page[]} */
const pages = [];
afterEach(async () => {
  for (const page of pages.splice(0)) {
    if (page.isClosed()) continue;
    const keep = page.locator("#keep");
    if ((await keep.isVisible()) && (await keep.isChecked())) await keep.uncheck();
    await page.close();
  }
  const page = await opened();
  await until(page, stored, 0);
  await pages.pop()?.close();
});

/** The page, which may name another small dump. @param {string} [rest] of the address */
async function opened(rest = "") {
  const page = await site.newPage();
  pages.push(page);
  page.on("dialog", (dialog) => dialog.accept());
  const body = await readFile(join(ROOT, "tests/data/cases/torch-2.15/dynamic_cache.pt"));
  await page.route("**/other.pt", (route) => route.fulfill({ body }));
  await page.goto(site.url() + rest);
  return page;
}

/** The sample with its first result. */
async function sample() {
  const page = await opened();
  await page.locator("#try-sample").click();
  await page.locator(".run-rows li").first().waitFor();
  return page;
}

/** Two tabs with the sample and its first result each, which keep them. */
async function twoTabs() {
  const one = await sample();
  const two = await sample();
  await one.locator("#keep").check();
  await two.locator("#keep:checked").waitFor();
  await until(two, stored, 2);
  return { one, two };
}

/** Whether so many outcomes are stored. */
const stored = /** @param {number} of */ async (of) => {
  const { kept } = await import(/** @type {string} */ (`${location.origin}/keep.js`));
  return (await kept()).outcomes.length === of;
};

test("a link's dump is opened, and what is kept is neither added to it nor shown as its result", async () => {
  const page = await sample();
  await page.locator("#keep").check();
  await until(page, stored, 1);
  const linked = await opened("#dump=other.pt&run=1");
  await linked.locator(".run-rows li").nth(1).waitFor();
  assert.match(await linked.locator(".runs").innerText(), /3 layers/);
  assert.equal(await linked.locator(".runs li").count(), 1);
  assert.match(linked.url(), /#dump=other\.pt$/);
  assert.match(await linked.locator('.run-rows li[aria-current="true"]').innerText(), /^#2 mixed/);
  await linked.close();
  const back = await opened();
  await back.locator(".runs li", { hasText: "prompt_128" }).waitFor();
  await until(back, stored, 2);
});

test("a frame shows the result of its own dump, whatever is kept, and keeps nothing", async () => {
  const page = await sample();
  await page.locator("#keep").check();
  await until(page, stored, 1);
  const frame = await opened("?embed=1#dump=other.pt");
  await frame.locator(".big-value").waitFor();
  assert.match(await frame.locator(".shown .covers").innerText(), /^Over all 3 layers/);
  assert.equal(await frame.evaluate(stored, 1), true);
});

test("two tabs keep their runs beside each other, and each of them comes back", async () => {
  const { one, two } = await twoTabs();
  await runToEnd(one);
  await runToEnd(two);
  await until(two, stored, 4);
  await one.getByRole("button", { name: "Delete #1 mixed" }).click();
  await until(two, stored, 3);
  const back = await opened();
  await back.locator(".run-rows li").nth(2).waitFor();
  const names = await back.locator(".run-rows li button.link").allInnerTexts();
  assert.equal(new Set(names).size, 3, names.join());
});

test("what is forgotten in one tab is forgotten in all of them, and stays so", async () => {
  const { one, two } = await twoTabs();
  await one.locator("#keep").uncheck();
  await two.locator("#keep:not(:checked)").waitFor();
  await runToEnd(two);
  await until(two, stored, 0);
  // Left behind by a browser that was ended meanwhile.
  await two.evaluate(async () => {
    const { keepOutcomes } = await import(/** @type {string} */ (`${location.origin}/keep.js`));
    await keepOutcomes([{ id: 1, at: 1 }], []);
  });
  const next = await opened();
  await until(next, "indexedDB.databases().then((all) => all.length === 0)");
});

test("where runs can't be kept that is said, the box says so, and leaving asks", async () => {
  const page = await sample();
  /** @type {string[]} */
  const asked = [];
  page.on("dialog", (dialog) => asked.push(dialog.type()));
  await page.evaluate(() => {
    IDBObjectStore.prototype.put = () => {
      throw new DOMException("no room", "QuotaExceededError");
    };
  });
  await page.locator("#keep").click();
  await page.getByText("Runs could not be kept in this browser").waitFor();
  await page.locator("#keep:not(:checked)").waitFor();
  await page.reload();
  assert.deepEqual(asked, ["beforeunload"]);
});
