// Everyone: forced colours, a finger, the focus after an action, headings in order, the page's own words, a page opened from a file.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { pathToFileURL } from "node:url";
import { violations } from "./page.js";
import { ROOT, serve } from "./server.js";
import { visit } from "./visit.js";

/** @import { Page } from "playwright-core" */

const SAMPLE = join(ROOT, "tests/data/sample-dump/dumps");

const site = visit({ hasTouch: true });
const { open } = site;

/** Of what the focus is on: the id, else the text. @param {Page} page */
const focused = (page) => page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent || "");

/** What a finger does, as the browser sees it. @param {Page} page @param {[number, number][]} path */
async function swipe(page, path) {
  const client = await page.context().newCDPSession(page);
  const [[x, y], ...rest] = path;
  await client.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [{ x, y }] });
  for (const [x, y] of rest) {
    await client.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: [{ x, y }] });
    await page.waitForTimeout(20);
  }
  await client.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await client.detach();
}

/** @param {number} from @param {number} to @param {number} steps */
const steps = (from, to, steps) => Array.from({ length: steps + 1 }, (_, i) => from + ((to - from) * i) / steps);

/**
 * Computed styles, each asked for by a selector, a property and where it is of one a pseudo-element.
 * @template {string} Name @param {Page} page @param {Record<Name, string[]>} wanted @returns {Promise<Record<Name, string>>}
 */
const styles = (page, wanted) =>
  page.evaluate((wanted) => {
    const of = (/** @type {string[]} */ [selector, property, pseudo]) =>
      getComputedStyle(/** @type {Element} */ (document.querySelector(selector)), pseudo).getPropertyValue(property);
    return /** @type {any} */ (Object.fromEntries(Object.entries(wanted).map(([name, value]) => [name, of(value)])));
  }, /** @type {Record<string, string[]>} */ (wanted));

test("with forced colours the bars, the chosen method and the tab can be told", async () => {
  const page = await open();
  await page.emulateMedia({ forcedColors: "active" });
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.locator(".cell").first().waitFor();
  const colours = await styles(page, {
    page: ["body", "background-color"],
    bar: [".cell:not(.lossy) .rest", "background-color"],
    hatch: [".lossy .rest", "background-image"],
    chosen: [".segments label:has(input:checked)", "background-color"],
    other: [".segments label:not(:has(input:checked))", "background-color"],
  });
  assert.notEqual(colours.bar, colours.page);
  assert.match(colours.hatch, /gradient/);
  assert.notEqual(colours.chosen, colours.other);
  const found = await violations(page);
  assert.deepEqual(
    found.map(({ id }) => id),
    [],
  );
  await page.close();
});

test("with forced colours the exclamation mark of a problem can be read", async () => {
  const page = await open();
  await page.emulateMedia({ forcedColors: "active" });
  await page.setInputFiles("#choose-files", { name: "broken.zip", mimeType: "application/zip", buffer: Buffer.from("nothing") });
  await page.locator(".alert-mark").waitFor();
  const { mark, ground } = await styles(page, { mark: [".alert-mark", "color"], ground: [".alert-mark", "background-color"] });
  assert.notEqual(mark, ground);
  await page.close();
});

test("with forced colours the theme is the system's, and marks, bits and the lesson's step can be told", async () => {
  const page = await site.newPage();
  await page.goto(`${site.url()}#learn=2`);
  await page.emulateMedia({ forcedColors: "active", colorScheme: "dark" });
  await page.evaluate(() => (document.documentElement.dataset.theme = "light"));
  await page.getByRole("button", { name: "Skip the question" }).click();
  await page.locator(".lesson .size-bars").waitFor();
  const lesson = await styles(page, {
    page: ["body", "background-color"],
    step: [".steps [aria-current]", "border-bottom-color"],
    others: [".steps a:not([aria-current])", "border-bottom-color"],
    one: [".values .bit.one", "background-color"],
    zero: [".values .bit.zero", "background-color"],
    exponent: [".bit-legend .exponent", "border-style"],
    mantissa: [".bit-legend .mantissa", "border-style"],
    bar: [".size-bars .bar span", "background-color"],
    // What a picture is drawn in: the system's colour, whatever theme was chosen before.
    ink: [".lesson", "--ink"],
    scheme: [":root", "color-scheme"],
  });
  assert.notEqual(lesson.step, lesson.others);
  assert.notEqual(lesson.one, lesson.zero);
  assert.notEqual(lesson.exponent, lesson.mantissa);
  assert.notEqual(lesson.bar, lesson.page);
  assert.equal(lesson.ink.trim(), "CanvasText");
  assert.equal(lesson.scheme, "light dark");
  assert.equal(
    await page
      .getByRole("button", { name: "Light" })
      .or(page.getByRole("button", { name: "Dark" }))
      .count(),
    0,
  );
  await page.getByRole("button", { name: "Close", exact: true }).click();
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.locator("#run:enabled").click();
  await page.locator(".kept.lossy").first().waitFor();
  const marks = await styles(page, {
    lossless: [".kept:not(.lossy)", "background-color", "::before"],
    lossy: [".kept.lossy", "background-color", "::before"],
  });
  assert.notEqual(marks.lossless, marks.lossy);
  await page.close();
});

test("a swipe over the split scrolls and leaves it; a drag sideways and a tap move it", async () => {
  const page = await open();
  await page.setViewportSize({ width: 390, height: 600 });
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.locator(".cells").scrollIntoViewIfNeeded();
  await page.evaluate(() => document.querySelector(".cells")?.scrollIntoView({ block: "center" }));
  const now = () => page.getByRole("slider").getAttribute("aria-valuenow");
  const box = await page.locator(".cells").boundingBox();
  assert(box);
  const y = box.y + box.height / 2;
  /** @param {number} layers */
  const at = (layers) => box.x + (box.width * layers) / 9;
  await swipe(
    page,
    steps(y, y - 120, 8).map((y) => [at(7), y]),
  );
  assert.equal(await now(), "2");
  await page.evaluate(() => document.querySelector(".cells")?.scrollIntoView({ block: "center" }));
  await swipe(
    page,
    steps(at(2), at(5), 8).map((x) => [x, y]),
  );
  assert.equal(await now(), "5");
  await page.touchscreen.tap(at(3), y);
  assert.equal(await now(), "3");
  await page.close();
});

test("a finger drags the sweep's threshold", async () => {
  const page = await open("#analysis=sweep");
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.locator("#run:enabled", { hasText: "Run" }).click();
  const handle = page.locator(".kv-handle").first();
  await handle.waitFor();
  await page.evaluate(() => document.querySelector(".kv-handle")?.scrollIntoView({ block: "center" }));
  const box = await handle.boundingBox();
  assert(box);
  const before = Number(await handle.getAttribute("aria-valuenow"));
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await swipe(
    page,
    steps(0, 1, 8).map((part) => [x + 80 * part, y + 30 * part]),
  );
  const after = Number(await page.locator(".kv-handle").first().getAttribute("aria-valuenow"));
  assert(after > before * 1.2, `${before} to ${after}`);
  await page.close();
});

test("the sweep's table fits a common screen, and where it does not it shows that it goes on", async () => {
  const page = await open("#analysis=sweep");
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.locator("#run:enabled", { hasText: "Run" }).click();
  const table = page.getByRole("region", { name: "Figures of each variant" });
  await table.waitFor();
  const hidden = () => table.evaluate((place) => place.scrollWidth - place.clientWidth - place.scrollLeft);
  const fades = (/** @type {boolean} */ wanted) =>
    page.waitForFunction(
      (wanted) => {
        const [place] = document.querySelectorAll('[aria-label="Figures of each variant"]');
        return (getComputedStyle(place).maskImage !== "none") === wanted;
      },
      wanted,
      { timeout: 5000 },
    );
  assert.equal(await hidden(), 0);
  await fades(false);
  await page.setViewportSize({ width: 768, height: 900 });
  assert((await hidden()) > 0);
  await fades(true);
  await table.evaluate((place) => place.scrollTo(place.scrollWidth, 0));
  await fades(false);
  await page.close();
});

test("the focus stays somewhere sensible after each action, and headings go down one by one", async () => {
  const page = await open();
  await page.locator("#try-sample").focus();
  await page.keyboard.press("Enter");
  await page.getByText("verified bit for bit").waitFor();
  assert.equal(await focused(page), "dump");
  await page.locator(".kv-chart").first().waitFor();
  const levels = await page.evaluate(() =>
    [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
      .filter((each) => each.checkVisibility())
      .map((each) => Number(each.tagName[1])),
  );
  levels.forEach((level, i) => i === 0 || assert(level <= levels[i - 1] + 1, `${levels}`));
  await page.locator("#run:enabled", { hasText: "Run" }).focus();
  await page.keyboard.press("Enter");
  await page.locator(".run-rows li").nth(1).waitFor();
  assert.equal(await focused(page), "run");
  await page.getByRole("button", { name: "Compare", exact: true }).focus();
  await page.keyboard.press("Enter");
  assert.notEqual(await page.evaluate(() => document.activeElement?.tagName), "BODY");
  await page.getByRole("button", { name: "Remove prompt_128" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Take prompt_128 in again" }).waitFor();
  assert.match(await focused(page), /Take in again/);
  await page.close();
});

test("the page speaks of fields and combinations, not of flags and combos", async () => {
  const page = await open("#analysis=sweep");
  const form = await page.locator("#analysis-panel").innerText();
  assert.doesNotMatch(form, /combo\b|combos\b|^List$/im);
  // A limit that only the command line can raise is called its own.
  const buffer = gzipSync(Buffer.alloc(40e6));
  await page.setInputFiles("#choose-files", { name: "zeros.npy.gz", mimeType: "", buffer });
  await page.getByText("than the command line’s --max-unpack-ratio allows").waitFor();
  await page.close();
});

test("opened from a file, the page says how to serve it", async () => {
  const page = await site.newPage();
  await page.goto(pathToFileURL(join(ROOT, "dist/index.html")).href);
  await page.getByText("python3 -m http.server").waitFor();
  assert.equal(await page.getByRole("heading", { name: "Dump" }).count(), 0);
  await page.close();
});

test("at an address without its last slash the page says to add one, and nothing untrue", async (context) => {
  const text = readFileSync(join(ROOT, "dist/index.html"), "utf8");
  const answer = (/** @type {any} */ _, /** @type {import("node:http").ServerResponse} */ response) =>
    void response.setHeader("Content-Type", "text/html").end(text);
  const host = await serve({ base: "/kvlens/", answers: { "/kvlens": answer } });
  context.after(() => host.close());
  const page = await site.newPage();
  await page.goto(`${host.origin}/kvlens`);
  await page.getByText("add one").waitFor();
  assert(!(await page.getByText("opened from a file").isVisible()));
  await page.goto(host.url);
  await page.locator("#try-sample").waitFor();
  assert(!(await page.getByText("add one").isVisible()));
  await page.close();
});

test("an embedded page shows one result and nothing else", async () => {
  const page = await site.newPage();
  await page.goto(`${site.url()}?embed=1#dump=sample.zip&lossless-first-n=3`);
  await page.locator(".big-value").waitFor();
  await page.locator(".kv-chart svg").first().waitFor();
  for (const name of [".page-head", ".drop", "#split", "#run", ".downloads", ".run-list"])
    assert(!(await page.locator(name).first().isVisible()), name);
  assert(await page.getByRole("link", { name: "Open in kvlens" }).isVisible());
  await page.getByText("Computed in this tab.").waitFor();
  await page.close();

  const empty = await site.newPage();
  await empty.goto(`${site.url()}?embed=1`);
  await empty.getByText("This frame’s address names no dump.").waitFor();
  assert(!(await empty.locator("#result .placeholder").isVisible()), "no run can be started here");
  assert.doesNotMatch(await empty.locator("body").innerText(), /Computed/);
  await empty.close();
});

test("a page with a frame is left without a question", async () => {
  const page = await site.newPage();
  /** @type {string[]} */
  const asked = [];
  page.on("dialog", async (dialog) => {
    asked.push(dialog.type());
    await dialog.accept();
  });
  await page.goto(`${site.url()}?embed=1#dump=sample.zip`);
  await page.locator(".big-value").waitFor();
  // A browser asks only where the page was used.
  await page.mouse.click(5, 5);
  await page.reload();
  assert.deepEqual(asked, []);
  await page.close();
});
