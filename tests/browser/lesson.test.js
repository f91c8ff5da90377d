// The lesson, on the sample without any dump: its figures are the core's (tests/inspect.rs checks the same file natively), each step
// has its link, and axe finds nothing serious in it or in the charts.
import assert from "node:assert/strict";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import axe from "axe-core";
import { launch } from "./chromium.js";
import { drop, openAlone } from "./page.js";
import { ROOT, serve } from "./server.js";

/** @type {Awaited<ReturnType<typeof serve>>} */
let server;
/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {import("playwright-core").Page} */
let page;
/** @type {any} */
let figures;

before(async () => {
  figures = JSON.parse(await readFile(join(ROOT, "tests/data/inspect-layer-14.json"), "utf8"));
  server = await serve();
  // Colours that are still changing would fail the contrast check.
  browser = await launch({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce" });
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** @param {number} step @param {"light" | "dark"} [colorScheme] */
async function open(step, colorScheme = "light") {
  await page?.close();
  page = await browser.context.newPage();
  await page.emulateMedia({ colorScheme });
  await page.goto(`${server.url}?engine=serial#learn=${step}`);
  await page.getByRole("button", { name: "Skip the question" }).click();
  await page.waitForSelector(".lesson .look");
  await field("Head").selectOption("1");
}

/** @param {string} name of one of the lesson's choices; a label's text holds its options too */
const field = (name) =>
  page
    .locator(".lesson .pick label")
    .filter({ has: page.getByText(name, { exact: true }) })
    .locator("select");

/** @param {number} n */
const whole = (n) => n.toLocaleString("en-US");

/** @param {string} selector */
const text = (selector) => page.locator(selector).first().textContent();

/** Waits until what is shown is of the choice just made. @param {string} selector @param {RegExp | string} words */
const shows = (selector, words) => page.locator(selector).filter({ hasText: words }).first().waitFor();

async function serious() {
  await page.evaluate(axe.source);
  /** @type {{ violations: { id: string, impact: string, nodes: { html: string }[] }[] }} */
  const { violations } = await page.evaluate(() =>
    /** @type {any} */ (window).axe.run(document.querySelector(".lesson") ?? document.querySelector("main")),
  );
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}

/** @param {any} value @returns {string} the bits, as the strip's label spells them */
const spelled = ({ bits }) => {
  const all = bits.toString(2).padStart(16, "0");
  return `sign ${all[0]}, exponent ${all.slice(1, 6)}, mantissa ${all.slice(6)}`;
};

test("step 1 shows the values' bits", async () => {
  await open(1);
  const { values } = figures.lossless;
  await page
    .locator(`[aria-label="${spelled(values[0])}"]`)
    .first()
    .waitFor();
  const labels = await page
    .locator(".lesson .values .bits")
    .evaluateAll((strips) => strips.map((strip) => strip.getAttribute("aria-label")));
  assert.deepEqual(labels, values.slice(0, 8).map(spelled));
  const numbers = await page.locator(".lesson .values .number").allTextContents();
  assert.deepEqual(
    numbers.map((number) => Number(number.replace("−", "-"))),
    values.slice(0, 8).map((/** @type {any} */ { value }) => Number(value.toPrecision(6))),
  );
});

test("steps 2 to 4 show the core's sizes and entropies", async () => {
  const {
    whole: plain,
    before: [hi, lo],
  } = figures.lossless;
  await open(2);
  assert.match(
    (await text(".size-bars")) ?? "",
    new RegExp(`${whole(plain)} B.*high ${whole(hi.plain.zstd)} \\+ low ${whole(lo.plain.zstd)}`, "s"),
  );
  assert.match(
    (await text(".lesson .verdict")) ?? "",
    /^Hardly any smaller\. To 100\s%: 24,576 bytes become 24,\d+\. The high halves get to \d\d\s%\.$/,
  );
  await open(3);
  assert.match((await text(".lesson .prose")) ?? "", new RegExp(`from ${whole(hi.plain.zstd)} to ${whole(hi.delta.zstd)} bytes`));
  await open(4);
  const captions = await page.locator(".lesson .counts figcaption").allTextContents();
  [hi.plain, hi.delta, lo.plain].forEach((coded, i) =>
    assert.match(captions[i], new RegExp(`${coded.entropy.toFixed(3)} bits per byte.*zstd ${whole(coded.zstd)}\\sB`)),
  );
  // A reader who subtracts gets the same.
  for (const caption of captions) {
    const [single, zstd, difference] = [...caption.matchAll(/(−?[\d,]+)\sB/g)].map(([, n]) => Number(n.replace(",", "").replace("−", "-")));
    assert.equal(zstd - single, difference, caption);
  }
});

test("step 5: the slider shows value, error and size of each setting", async () => {
  await open(5);
  const size = (/** @type {any} */ { after: [hi, lo] }) => whole(hi.delta.zstd + lo.plain.zstd);
  await shows(".lesson .sizes", `${size(figures.truncate)} B`);
  assert.match((await text(".lesson .sizes")) ?? "", new RegExp(`error ${Number(figures.truncate.errors.mae.toPrecision(3))},`));
  await field("Tensor").selectOption("v");
  await page.locator(".lesson").getByLabel("Quantize").check();
  await shows(".lesson .sizes", `${size(figures.quant)} B`);
  const numbers = await page.locator(".lesson .values .number").allTextContents();
  assert.deepEqual(
    numbers.map((number) => number.replaceAll("−", "-").split(" → ").map(Number)),
    figures.quant.values
      .slice(0, 8)
      .map((/** @type {any} */ { value, restored }) => [value, restored].map((each) => Number(each.toPrecision(6)))),
  );
  await page.getByRole("slider", { name: "Bits" }).focus();
  await page.keyboard.press("ArrowLeft");
  await shows(".lesson output", "7 bits");
  await page.waitForFunction(
    (before) => !document.querySelector(".lesson .sizes")?.textContent?.includes(before),
    `${size(figures.quant)} B`,
  );
});

test("step 6 draws every setting, and says what is not told", async () => {
  await open(6);
  await page.waitForSelector('[data-chart="lesson-curve"] .kv-sheet');
  assert.match((await text(".lesson .prose")) ?? "", /not a model’s quality/);
});

test("step 7 shows where attention looks, and what K and V do to its output", async () => {
  await open(7);
  const words = (await text(".lesson .prose")) ?? "";
  const share = Number(/token 0 gets ([\d.]+)\s%/.exec(words)?.[1]);
  assert.ok(share > 20, `${share} % of attention at the sink`);
  const rows = await page
    .locator(".matters tbody tr")
    .evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent)));
  assert.equal(rows.length, 6);
  // Fewer bits, more error, by every figure.
  const of = (/** @type {string} */ name, /** @type {string} */ side) =>
    rows.find((row) => row[0] === name && row[1] === side)?.map(Number) ?? [];
  for (const side of ["K", "V"]) for (const figure of [3, 5]) assert.ok(of("6 bits", side)[figure] > of("8 bits", side)[figure]);
});

test("each step asks first, says what came of it, and has an exercise with an answer", async () => {
  await page?.close();
  page = await browser.context.newPage();
  await page.goto(`${server.url}?engine=serial#learn=1`);
  for (let step = 1; step <= 7; step++) {
    const asked = page.locator(".lesson .prediction");
    await asked.waitFor();
    assert.equal(await page.locator(".lesson .look").count(), 0, "nothing shows before the answer");
    await asked.getByRole("radio").first().check();
    await asked.getByRole("button", { name: "See" }).click();
    const verdict = page.locator(".lesson .verdict");
    assert.match(await verdict.innerText(), /^You expected “.+”\. (Right\.|It is “.+”\.) .*\d/);
    assert.ok(await verdict.evaluate((node) => node === document.activeElement), "the focus goes to what came of it");
    const exercise = page.locator(".lesson .exercise");
    await exercise.locator("summary").click();
    assert.match(await exercise.locator("p").innerText(), /\d/);
    if (step < 7) await page.getByRole("button", { name: /^Next: / }).click();
  }
});

test("the exercise's quotient is that of the numbers it stands beside", async () => {
  await open(5);
  await page.locator(".lesson .exercise summary").click();
  const [, largest, step] = /([\d.]+) \/ 127 = ([\d.]+\d)/.exec((await text(".lesson .exercise p")) ?? "") ?? [];
  assert.equal((Number(largest) / 127).toPrecision(3), step);
});

test("on a phone what came of an answer is right below it, and what the figures mean is not cut off beside them", async () => {
  await page?.close();
  page = await browser.context.newPage();
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${server.url}?engine=serial#learn=5`);
  await page.locator(".lesson .prediction input").first().check();
  await page.getByRole("button", { name: "See" }).click();
  const top = async (/** @type {string} */ selector) => (await page.locator(selector).boundingBox())?.y ?? NaN;
  await page.locator(".lesson .sizes").waitFor();
  assert((await top(".lesson .setting")) < (await top(".lesson .verdict")));
  assert((await top(".lesson .verdict")) < (await top(".lesson .sizes")));
  await page.goto(`${server.url}?engine=serial#learn=7`);
  await page.getByRole("button", { name: "Skip the question" }).click();
  const meaning = await page.getByText("Squared errors, as a share of the squared values").boundingBox();
  assert(meaning && meaning.x + meaning.width <= 390);
});

test("the sample that was taken in is still called the sample", async () => {
  const other = await browser.context.newPage();
  await other.goto(`${server.url}?engine=serial`);
  await other.locator("#try-sample").click();
  await other.locator(".run-rows li").first().waitFor();
  await other.getByRole("button", { name: "Learn" }).click();
  await other.getByText("Real values of the sample: SmolLM2-135M").waitFor();
  await other.close();
});

test("the link holds step, layer, tensor, token, head, channels, method and bits", async () => {
  await open(5);
  await field("Layer").selectOption({ label: "20, prefill" });
  await field("Tensor").selectOption("v");
  await page.locator(".lesson .pick input").fill("77");
  await field("Channels").selectOption("2");
  await page.locator(".lesson").getByLabel("Quantize").check();
  await page.getByRole("slider", { name: "Bits" }).focus();
  await page.keyboard.press("ArrowLeft");
  await shows(".lesson output", "7 bits: 127 levels");
  const place = "at-layer=20&at-tensor=v&at-token=77&at-head=1&at-channel=16&at-method=quant&at-bits=7";
  await page.waitForFunction((place) => location.hash === `#learn=5&${place}`, place);
  // Drawn with these bits, not only chosen.
  await shows(".lesson .size-bars dt", "127 levels");
  const values = await page.locator(".lesson .values .number").allTextContents();

  const other = await browser.context.newPage();
  await other.goto(page.url());
  await other.getByRole("button", { name: "Skip the question" }).click();
  await other.locator(".lesson output", { hasText: "7 bits: 127 levels" }).waitFor();
  await other.locator(".lesson .size-bars dt", { hasText: "127 levels" }).waitFor();
  assert.deepEqual(await other.locator(".lesson .values .number").allTextContents(), values);
  assert.equal(await other.locator("#strange-keys").count(), 0);
  await other.close();
});

test("the handout is one file that stands alone, with questions, room, and the answers at the end", async () => {
  await open(1);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Handout to print" }).click()]);
  const html = await readFile(await download.path(), "utf8");
  const { alone, faults } = await openAlone(browser.context, html);
  assert.equal(await alone.locator("h2").count(), 8);
  assert.equal(await alone.locator(".lines").count(), 7);
  assert.equal(await alone.locator(".answers li").count(), 7);
  assert.ok((await alone.locator("svg").count()) > 7);
  assert.equal(await alone.locator("script, button, select").count(), 0);
  assert.match(await alone.locator("body").innerText(), /Sample, layer 14, prefill, K, token 40, head 1/);
  // Made at step 1, it has the chart of step 6 all the same.
  assert.equal(await alone.locator('[data-chart="lesson-curve"] svg.kv-sheet text', { hasText: "lossless" }).count(), 1);
  assert.deepEqual(faults, []);
  await alone.setViewportSize({ width: 390, height: 800 });
  const wide = await alone.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert(wide <= 0, `${wide} pixels too wide for a phone`);
  await alone.close();
});

test("a dump that is added while the lesson is open is what it shows, from its start or where it was", async () => {
  await open(1);
  assert.match((await text(".lesson > .small")) ?? "", /^Real values of the sample/);
  await page.setInputFiles("#choose-files", join(ROOT, "tests/data/cases/torch-2.15/two_runs.pt"));
  await shows(".lesson > .small", "Values of your dump");
  assert.deepEqual(await field("Layer").locator("option").allInnerTexts(), [
    "a 0, unknown",
    "a 1, unknown",
    "a 2, unknown",
    "b 0, unknown",
    "b 1, unknown",
    "b 2, unknown",
  ]);
  await page.locator(".lesson .look").first().waitFor();
});

test("a token that is not there is marked, and gives way to the one that is shown", async () => {
  await open(1);
  const token = page.locator(".lesson .pick input[type=number]");
  const before = await token.inputValue();
  await token.fill("500");
  assert.equal(await token.getAttribute("aria-invalid"), "true");
  await page.keyboard.press("Tab");
  assert.equal(await token.inputValue(), before);
  assert.equal(await token.getAttribute("aria-invalid"), "false");
});

test("the sample's engine ends with the lesson, and where a dump takes the sample's place; nothing under way is cut off", async () => {
  await open(1);
  const engines = () => page.workers().filter((each) => each.url().includes("coordinator")).length;
  const has = async (/** @type {number} */ count) => {
    for (let i = 0; i < 100 && engines() !== count; i++) await page.waitForTimeout(100);
    assert.equal(engines(), count);
  };
  const close = () => page.locator(".lesson").getByRole("button", { name: "Close", exact: true }).click();
  await has(2);
  // The lesson on screen keeps it.
  await page.waitForTimeout(3000);
  await has(2);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Handout to print" }).click();
  await close();
  const html = await readFile(await (await download).path(), "utf8");
  assert.equal(html.match(/class="lines"/g)?.length, 7);
  await has(1);
  await page.locator("#open-lesson").click();
  await page.getByRole("button", { name: "Skip the question" }).click();
  await page.waitForSelector(".lesson .look");
  await has(2);
  await page.setInputFiles("#choose-files", join(ROOT, "tests/data/cases/torch-2.15/two_runs.pt"));
  await shows(".lesson > .small", "Values of your dump");
  await has(1);
});

test("keys of the page below do nothing while the lesson hides it", async () => {
  await page?.close();
  page = await browser.context.newPage();
  await page.goto(`${server.url}?engine=serial`);
  await page.locator("#try-sample").click();
  await page.locator(".run-rows li").waitFor();
  await page.locator("#open-lesson").click();
  await page.locator(".lesson .prediction").waitFor();
  await page.evaluate(() => /** @type {HTMLElement | null} */ (document.activeElement)?.blur());
  for (const key of ["2", "Enter"]) await page.keyboard.press(key);
  await page.locator("#open-lesson").click();
  await page.locator("#run", { hasText: "Run" }).waitFor();
  assert.equal(await page.locator(".run-rows li").count(), 1);
  assert.equal(await page.getByRole("tab", { selected: true }).innerText(), "Mixed");
});

test("steps are links, and closing leaves the page as it was", async () => {
  await open(2);
  await page.getByRole("link", { name: /^4/ }).click();
  await shows(".lesson h3", /^4\./);
  assert.match(page.url(), /#learn=4&/);
  await page.goBack();
  await shows(".lesson h3", /^2\./);
  await page.goto(`${server.url}?engine=serial#learn=3`);
  await shows(".lesson h3", /^3\./);
  await page.locator(".lesson").getByRole("button", { name: "Close", exact: true }).click();
  await page.locator(".lesson").waitFor({ state: "detached" });
  assert.ok(!page.url().includes("learn"));
});

for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  test(`axe finds nothing serious in the lesson, the charts and the pictures (${colorScheme})`, async () => {
    for (let step = 1; step <= 7; step++) {
      await open(step, colorScheme);
      if (step === 6) await page.waitForSelector('[data-chart="lesson-curve"] .kv-sheet');
      assert.deepEqual(await serious(), [], `step ${step}`);
    }
    await page.goto("about:blank");
    await page.goto(`${server.url}?engine=serial`);
    await page
      .getByRole("button", { name: /sample/i })
      .first()
      .click();
    await page.waitForSelector('[data-chart="error-by-layer"] .kv-sheet');
    await page.locator("details.pictures > summary").click();
    await page.waitForSelector('[data-chart="values"] .kv-sheet');
    for (const summary of await page.locator(".kv-chart summary").all()) await summary.click();
    assert.deepEqual(await serious(), []);
  });
}

test("K and V of other shapes are picked from and drawn by their own, and queries that tell nothing are named", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kvlens-lesson-"));
  const meta = { layer_id: 0, seq_len: 8, kv_heads: 2, head_dim: 16, v_kv_heads: 3, v_head_dim: 4, bytes_per_elem: 2, dtype: "fp16" };
  const queries = { layer_id: 0, positions: [7], q_heads: 2, head_dim: 16, bytes_per_elem: 2, dtype: "fp16", q_file: "q.bin", scale: 0.25 };
  const values = (/** @type {number} */ count) => new Uint16Array(count).map((_, i) => 0x3000 + ((i * 37) % 512));
  await writeFile(
    join(folder, "meta_a.json"),
    JSON.stringify({ ...meta, stage: "prefill", run_id: "r", k_file: "k.bin", v_file: "v.bin" }),
  );
  await writeFile(join(folder, "queries_a.json"), JSON.stringify({ ...queries, run_id: "r" }));
  await writeFile(join(folder, "k.bin"), values(8 * 2 * 16));
  await writeFile(join(folder, "v.bin"), values(8 * 3 * 4));
  await writeFile(join(folder, "q.bin"), values(32));
  const own = await browser.context.newPage();
  await own.goto(`${server.url}?engine=serial`);
  await drop(own, folder);
  await own.locator(".strip .cell").waitFor();
  const share = (/** @type {string} */ side) =>
    own.locator(`.strip .half.${side} .raw`).evaluate((raw) => Number(/** @type {HTMLElement} */ (raw).style.getPropertyValue("--share")));
  assert.deepEqual([await share("k"), await share("v")], [1, 96 / 256]);

  await own.goto(`${own.url().split("#")[0]}#learn=7`);
  await own.getByRole("button", { name: "Skip the question" }).click();
  await own.getByText("queries_a.json: V has other heads than K, so it is not used").waitFor();
  const options = (/** @type {string} */ name) => own.locator(".lesson .pick").getByLabel(name).locator("option").allTextContents();
  assert.deepEqual(
    [await options("Head"), await options("Channels")],
    [
      ["0", "1"],
      ["0 to 7", "8 to 15"],
    ],
  );
  await own.locator(".lesson .pick").getByLabel("Channels").selectOption("1");
  // By keyboard, which stays in the field that it changed.
  await own.locator(".lesson .pick").getByLabel("Tensor").focus();
  await own.keyboard.press("ArrowDown");
  assert.deepEqual([await options("Head"), await options("Channels")], [["0", "1", "2"], ["0 to 3"]]);
  assert.equal(await own.evaluate(() => document.activeElement?.parentElement?.textContent?.slice(0, 6)), "Tensor");
  await own.locator(".lesson .pick").getByLabel("Head").selectOption("2");
  await own.waitForFunction(() => /at-tensor=v.*at-head=2&at-channel=0/.test(location.hash));
  await own.close();
});
