// axe finds nothing, of any weight, in any state of the page, light, dark and with forced colours; nothing is cut at 200 % zoom; and on
// paper stands what was found, not what it was made with.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./chromium.js";
import { holdAtProgress } from "./hold.js";
import { runTab, violations } from "./page.js";
import { ROOT, serve } from "./server.js";

/** @import { Page } from "playwright-core" */

const SAMPLE = join(ROOT, "tests/data/sample-dump/dumps");
/** @typedef {{ colorScheme?: "light" | "dark", forcedColors?: "active" }} Media */
/** @type {[string, Media][]} */
const LOOKS = [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["forced colours", { colorScheme: "dark", forcedColors: "active" }],
];

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let host;
before(async () => {
  host = await serve();
  // Colours that are still changing would fail the contrast check.
  browser = await launch({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce" });
});
after(async () => {
  await browser.close();
  await host.close();
});

/** @param {string} [hash] */
async function open(hash = "") {
  const page = await browser.context.newPage();
  await page.goto(host.url + hash);
  await page.locator("#tab-mixed").waitFor({ state: "attached" });
  return page;
}

/** @param {Page} page @param {string} state */
async function clean(page, state, looks = LOOKS) {
  for (const [look, media] of looks) {
    await page.emulateMedia({ forcedColors: "none", ...media });
    const found = await violations(page);
    assert.deepEqual(
      found.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)}`),
      [],
      `${state}, ${look}`,
    );
  }
}

/** At 200 % a window of 1280 pixels has room for 640; a tablet has 768. @param {Page} page @param {string} state */
async function fits(page, state) {
  for (const width of [640, 768]) {
    await page.setViewportSize({ width, height: 450 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert(wide <= 0, `${state}, ${width}: ${wide} pixels too wide`);
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}

test("nothing is found in the empty page and in each analysis with its result", async () => {
  const page = await open();
  await clean(page, "empty");
  await fits(page, "empty");
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.locator(".cell").first().waitFor();
  await clean(page, "a dump, no run");
  for (const tab of ["Mixed", "Block-norm", "Sweep", "Compare", "Explore"]) {
    await runTab(page, tab);
    await clean(page, tab);
    await fits(page, tab);
  }
  // What Explore found is compared with another search only.
  assert.equal(await page.getByRole("button", { name: "Compare", exact: true }).count(), 0);
  await page.getByRole("button", { name: "#3 sweep", exact: true }).click();
  await page.getByRole("button", { name: "Compare", exact: true }).nth(2).click();
  await page.getByText("End comparison").first().waitFor();
  await clean(page, "two runs");
  await page.close();
});

test("nothing is found in the lesson, before and after each prediction", async () => {
  const page = await open("#learn=1");
  for (let step = 1; step <= 7; step++) {
    await page.locator(".lesson .prediction").waitFor();
    if (step === 1) await clean(page, "a prediction");
    await page.getByRole("button", { name: "Skip the question" }).click();
    await page.locator(".lesson .look").waitFor();
    await page.locator(".lesson .exercise summary").click();
    await clean(page, `step ${step}`);
    await fits(page, `step ${step}`);
    if (step < 7) await page.getByRole("button", { name: /^Next: / }).click();
  }
  await page.close();
});

test("nothing is found in a frame with one result", async () => {
  const page = await browser.context.newPage();
  await page.goto(`${host.url}?embed=1#dump=sample.zip`);
  await page.locator("#result-body .charts:not(.drawing) svg").first().waitFor();
  await clean(page, "embedded");
  await fits(page, "embedded");
  await page.close();
});

test("nothing is found where something is wrong, or asked, or unfolded", async (context) => {
  const page = await open("#analysis=sweep&bits-list=99&nonsense=1");
  await page.locator("#strange-keys").waitFor();
  await page.locator('[aria-invalid="true"]').waitFor();
  await clean(page, "a link with settings that are unknown or wrong");
  await fits(page, "a link with settings that are unknown or wrong");
  await page.setInputFiles("#choose-files", { name: "notes.txt", mimeType: "", buffer: Buffer.from("notes") });
  await page.getByText("Nothing else is there to analyse.").waitFor();
  await clean(page, "nothing readable");
  await page.setInputFiles("#choose-files", join(ROOT, "tests/data/formats/no_names.npz"));
  await page.getByText("names or axes can’t be told.").waitFor();
  await clean(page, "arrays that are asked about");
  await page.setInputFiles("#choose-folder", join(ROOT, "tests/data/edge-dump"));
  await page.locator(".runs li").first().waitFor();
  for (const name of [".getting", ".pictures", ".converting"]) await page.locator(`${name} > summary`).click();
  await page.locator('[data-chart="values"] svg.kv-sheet').waitFor();
  await page.getByRole("textbox", { name: "Layers", exact: true }).fill("99");
  await page.getByRole("button", { name: "Convert and download" }).click();
  await page.getByText("No capture has the stage, layers and tokens asked for").waitFor();
  await clean(page, "a bad file beside good ones, all unfolded, a conversion refused");
  await fits(page, "a bad file beside good ones, all unfolded, a conversion refused");
  await page.getByRole("tab", { name: "Explore" }).click();
  await page.locator(".answer").first().waitFor();
  await clean(page, "an estimated answer");
  await page.getByRole("button", { name: "Keys" }).click();
  await page.getByRole("dialog").waitFor();
  await clean(page, "the list of keys");
  await page.close();

  const gone = await open("#dump=gone.zip");
  await gone.getByText("could not be fetched").waitFor();
  await clean(gone, "a link to a dump that is gone");
  await gone.close();
  const frame = await browser.context.newPage();
  await frame.goto(`${host.url}?embed=1`);
  await frame.getByText("This frame’s address names no dump.").waitFor();
  await clean(frame, "a frame without a dump");
  await frame.close();
  const broken = await serve({ replace: (file) => (file.endsWith(".wasm") ? "no module" : undefined) });
  context.after(() => broken.close());
  const dead = await browser.context.newPage();
  await dead.goto(broken.url);
  await dead.getByText("kvlens could not start in this browser.").waitFor();
  await clean(dead, "kvlens does not start");
  await fits(dead, "kvlens does not start");
  await dead.close();
});

test("nothing is found while a run goes on, after it is cancelled, and while a run gets a name", async () => {
  const bits = Array.from({ length: 23 }, (_, i) => i + 2).join();
  const page = await open(
    `#analysis=sweep&block-sizes=8,16,24,32,40,48,56,64&topk-ratios=.01,.02,.03,.04,.05,.06,.08,.1,.15,.2,.25,.3,.35,.4,.45,.5&bits-list=${bits}`,
  );
  await page.setInputFiles("#choose-folder", SAMPLE);
  // A run for each look: one alone would be done before all are.
  for (const [i, look] of LOOKS.entries()) {
    await page.locator("#run:enabled", { hasText: "Run" }).click();
    await page.getByText(/\d \/ 63 captures/).waitFor();
    await clean(page, "running", [look]);
    await page.locator("#run:enabled", { hasText: "Cancel" }).click();
    await page.locator(".run-rows li").nth(i).waitFor();
  }
  await clean(page, "cancelled");
  await page.getByRole("button", { name: "Rename #1 sweep" }).click();
  await clean(page, "a new name");
  await page.close();
});

test("nothing is found while a dump is fetched, where its length is told and where not, when it is cancelled, and in a frame", async (t) => {
  /** The first half of a file, and never the rest. @param {Record<string, number>} headers @returns {import("node:http").RequestListener} */
  const half = (headers) => (request, response) => {
    response.writeHead(200, headers);
    if (request.method === "HEAD") response.end();
    else response.write(Buffer.alloc(1000));
  };
  const slow = await serve({ answers: { "/told.zip": half({ "Content-Length": 2000 }), "/untold.zip": half({}) } });
  t.after(() => slow.close());
  const page = await browser.context.newPage();
  await page.goto(`${slow.url}#dump=untold.zip`);
  await page.getByText("Getting untold.zip: 1.00 kB so far …").waitFor();
  await clean(page, "a fetch of unknown length");
  await fits(page, "a fetch of unknown length");
  for (const [address, state] of [
    ["#dump=told.zip", "a fetch"],
    ["?embed=1#dump=told.zip", "a fetch in a frame"],
  ]) {
    await page.goto(slow.url + address);
    await page.getByText("Getting told.zip: 1.00 kB of 2.00 kB …").waitFor();
    await clean(page, state);
    await fits(page, state);
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    await page.getByRole("button", { name: "Open it" }).waitFor();
    await clean(page, `${state}, cancelled`);
    await fits(page, `${state}, cancelled`);
  }
  await page.close();
});

test("nothing is found while a file is written, when it is, and where its writing was cancelled", async () => {
  const page = await open("#analysis=explore");
  await page.setInputFiles("#choose-folder", SAMPLE);
  await runTab(page, "Explore");
  await page.locator(".converting > summary").click();
  const [convert, pack] = [page.getByRole("button", { name: "Convert and download" }), page.locator("[data-pack]").first()];
  /** @type {[string, import("playwright-core").Locator, string][]} */
  const files = [
    ["a converted dump", convert, ".converting"],
    ["a packed dump", pack, ".packing"],
  ];
  for (const [what, button, place] of files) {
    const status = page.locator(`${place} [role=status]`);
    for (const end of ["Written: ", "Cancelled: no file was written."]) {
      const goOn = await holdAtProgress(page);
      await button.click();
      await page.locator(`${place} progress[value]`).waitFor();
      await clean(page, `${what} under way`);
      await fits(page, `${what} under way`);
      if (end.startsWith("Cancelled")) await page.locator(place).getByRole("button", { name: "Cancel" }).click();
      await goOn();
      await status.getByText(end).waitFor();
      await clean(page, `${what}: ${end}`);
    }
  }
  await page.close();
});

test("on paper stands the result, whole and in dark ink", async () => {
  const page = await open();
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.locator(".cell").first().waitFor();
  await runTab(page, "Mixed");
  // What a browser says before it prints.
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  for (const chart of await page.locator("#result .kv-sheet").all()) {
    const width = Number(await chart.getAttribute("width"));
    assert(width <= 760, `${width} pixels, shrunk to 703`);
  }
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  // A4 between its margins.
  await page.setViewportSize({ width: 703, height: 1000 });
  for (const name of [".drop", "#analysis", ".downloads", ".run-list", ".head-tools"])
    assert(!(await page.locator(name).first().isVisible()), name);
  assert(await page.locator(".headline").isVisible());
  const controls = await page.evaluate(() =>
    [...document.querySelectorAll("button, select, input, .handle")]
      .filter((each) => each.checkVisibility() && !each.closest("th"))
      .map((each) => [each.tagName, getComputedStyle(each).appearance, getComputedStyle(each, "::after").display].join())
      .filter((each) => !/^SELECT,none|^DIV,none,none$/.test(each)),
  );
  assert.deepEqual(controls, []);
  const { wide, bars, cut, ink } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    // Without this browsers leave out backgrounds, and a lossless layer's bars are nothing else.
    bars: getComputedStyle(/** @type {Element} */ (document.querySelector(".cell .rest"))).getPropertyValue("print-color-adjust"),
    cut: [...document.querySelectorAll(".table-scroll")].filter((each) => each.scrollHeight > each.clientHeight + 1).length,
    ink: getComputedStyle(document.body).color,
  }));
  assert(wide <= 0, `${wide} pixels too wide`);
  assert.equal(bars, "exact");
  assert.equal(cut, 0);
  assert.match(ink, /^rgb\((\d|[1-4]\d), /);
  await page.close();
});

test("on paper a long table has all its rows, and a head that browsers repeat on each page", async () => {
  const bits = Array.from({ length: 15 }, (_, i) => i + 2);
  const page = await open(
    `#analysis=sweep&stage=prefill&lossless-first-n=29&bits-list=${bits}&block-sizes=8,16,32,64&topk-ratios=0,0.125,0.25,0.375,0.5,0.625,0.75,0.875,1`,
  );
  await page.setInputFiles("#choose-folder", SAMPLE);
  await runTab(page, "Sweep");
  const table = page.locator('[aria-label="Figures of each variant"] table');
  const made = () => table.locator("tbody tr:not([aria-hidden])").count();
  const whole = Number(await table.getAttribute("aria-rowcount")) - 1;
  const onScreen = async () => assert((await made()) < 120, `${await made()} of ${whole} rows on screen`);
  assert(whole > 250);
  await onScreen();
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  await page.emulateMedia({ media: "print" });
  assert.equal(await made(), whole);
  assert.equal(await table.locator("[aria-hidden]").count(), 0);
  // Of a repeated head Chromium paints no button, and nothing in one.
  const displays = await table.evaluate((table) => [
    ...new Set([...table.querySelectorAll("thead, thead button")].map((each) => getComputedStyle(each).display)),
  ]);
  assert.deepEqual(displays, ["table-header-group", "contents"]);
  await page.setViewportSize({ width: 703, height: 1000 });
  const wide = await table.evaluate((table) => table.getBoundingClientRect().right - document.documentElement.clientWidth);
  assert(wide <= 0, `${wide} pixels too wide`);
  await page.emulateMedia({ media: "screen" });
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  await onScreen();
  // Chromium's own printing says the same before and after.
  const { length } = await page.pdf({ format: "A4" });
  assert(length < 1e6, `${length} bytes`);
  await onScreen();
  await page.close();
});

test("a printed result is a file that one would mail", async () => {
  const page = await open();
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.locator(".cell").first().waitFor();
  for (const tab of ["Mixed", "Sweep"]) {
    await runTab(page, tab);
    const { length } = await page.pdf({ format: "A4" });
    assert(length < 1e6, `${tab}: ${length} bytes`);
  }
  await page.close();
});
