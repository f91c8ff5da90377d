// Explore on the page: the answer in one line below the dump, the limit that moves it without a new run, and what is taken from it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { launch } from "./chromium.js";
import { PROGRAM } from "./native.js";
import { openWatched, runToEnd, violations } from "./page.js";
import { ROOT, serve } from "./server.js";

/** @import { Page } from "playwright-core" */

const SAMPLE = join(ROOT, "tests/data/sample-dump/dumps");

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let host;
before(async () => {
  host = await serve();
  browser = await launch({ permissions: ["clipboard-read", "clipboard-write"], acceptDownloads: true });
});
after(async () => {
  await browser.close();
  await host.close();
});

/** @param {string} [hash] */
const open = (hash = "") => openWatched(browser.context, host.url + hash);

/** @param {Page} page @param {string} id */
const size = async (page, id) => page.locator(`[data-answer="${id}"] .answer-size strong`).innerText();

test("a dump has its answer in one line before any run, and the line leads to Explore", async () => {
  const { page, faults } = await open();
  await page.setInputFiles("#choose-folder", SAMPLE);
  const line = page.locator(".glimpse");
  await line.getByText("as llama.cpp can store it").waitFor({ timeout: 60_000 });
  assert.match(await line.innerText(), /^131,072 tokens: [\d.]+\u00a0[GM]B now; within [\w. ]+: ~[\d.]+\u00a0[GM]B as llama.cpp/);
  await line.getByRole("button", { name: "Explore" }).click();
  assert.equal(await page.getByRole("tab", { selected: true }).innerText(), "Explore");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "tab-explore");
  assert(await page.locator("#split").isHidden());
  assert.match(await size(page, "stored"), /^~/);

  // Below each other on a phone, all begin at one line; so do edges, where buttons have them.
  await page.setViewportSize({ width: 390, height: 844 });
  const left = (/** @type {string} */ part) =>
    page.locator(`[data-answer="stored"] ${part}`).evaluate((node) => Math.round(node.getBoundingClientRect().left));
  const who = await left(".answer-who");
  assert.deepEqual([await left(".answer-how code"), await left(".answer-cost")], [who, who]);
  await page.emulateMedia({ forcedColors: "active" });
  assert.equal(await left("button"), who);
  assert.deepEqual(faults, []);
  await page.close();
});

test("the limit moves answer, chart and link without a new run; what was measured has no tilde", async () => {
  const { page, faults } = await open("#analysis=explore");
  await page.setInputFiles("#choose-folder", SAMPLE);
  await runToEnd(page);
  assert.match(await size(page, "stored"), /^[\d.]+ [MG]B$/);
  assert.match(await page.locator("#answer").innerText(), /written and read back/);
  const marks = () => page.locator('[data-chart="front"] svg').first().innerHTML();
  const [before, drawn] = [await size(page, "stored"), await marks()];
  const slider = page.getByRole("slider", { name: /^(Index|Attention error|Cosine)/ });
  await slider.focus();
  for (let i = 0; i < 12; i++) await page.keyboard.press("ArrowRight");
  const moved = await size(page, "stored");
  assert.match(moved, /^~/);
  assert(parseFloat(moved.slice(1)) < parseFloat(before), `${moved} is not smaller than ${before}`);
  assert.notEqual(await marks(), drawn);
  assert.match(page.url(), /max-(index|attention-error)=/);
  assert.equal(await page.locator(".run-rows li").count(), 1);
  await page.getByRole("combobox", { name: "Engine" }).selectOption("mlx-lm");
  assert.match(page.url(), /serve=mlx-lm/);
  assert.match(await page.locator('[data-answer="mlx-lm"] code').innerText(), /--kv-bits \d --kv-group-size \d+/);
  await page.locator('[data-answer="mlx-lm"]').getByRole("button", { name: /^Copy/ }).click();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^--kv-bits/);
  const all = await violations(page);
  const found = all.filter(({ impact }) => impact === "serious" || impact === "critical");
  assert.deepEqual(
    found.map(({ id, nodes }) => `${id}: ${nodes[0].html}`),
    [],
  );
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator('[data-file="report.html"]').click()]);
  // The report has the limit as it stands, and what it allows.
  const report = await readFile(await download.path(), "utf8");
  assert.match(report, /131,072 tokens: [\d.]+ [GM]B now/);
  const limit = /max-(?:index|attention-error)=([\d.]+)/.exec(page.url())?.[1];
  assert(report.includes(`of at most ${limit}. `), limit);
  assert(report.includes(`>${moved}<`), moved);
  assert.deepEqual(faults, []);
  await page.close();
});

test("a limit that is tighter than all steps that were tried has an answer of the coded scheme", async () => {
  const { page } = await open("#analysis=explore&limit=cosine&min-cosine=0.99999");
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.getByRole("slider", { name: /^Cosine/ }).waitFor({ timeout: 60_000 });
  const [stored, lossless] = [await size(page, "stored"), await size(page, "lossless")].map((text) => parseFloat(text.replace("~", "")));
  assert(stored < 0.8 * lossless, `${stored} stored, ${lossless} lossless`);
  assert.match(await page.locator('[data-answer="stored"]').innerText(), /tkc:c=0\.01\d*/);
  await page.close();
});

test("before any run the limit moves the answer, and the line below the dump in the other tabs", async () => {
  const { page } = await open("#analysis=explore");
  await page.setInputFiles("#choose-folder", SAMPLE);
  const slider = page.getByRole("slider", { name: /^(Index|Attention error|Cosine)/ });
  await slider.waitFor({ timeout: 60_000 });
  const before = await size(page, "stored");
  await slider.focus();
  for (let i = 0; i < 30; i++) await page.keyboard.press("ArrowRight");
  const after = await size(page, "stored");
  assert(parseFloat(after.slice(1)) < parseFloat(before.slice(1)), `${after} is not smaller than ${before}`);
  await page.getByRole("tab", { name: "Mixed" }).click();
  await page.locator(".glimpse").getByText(`${after} stored by kvlens`).waitFor();
  assert.equal(await page.locator(".run-rows li").count(), 0);
  await page.close();
});

test("of several runs a context is one run's, while it runs too, and points are drawn as layers are done", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kvlens-runs-"));
  // So many that a fast engine, too, tells of some before it has all.
  for (const name of ["a", "b", "c", "d", "e", "f", "g", "h"])
    await cp(join(SAMPLE, "prompt_128"), join(folder, name), { recursive: true });
  const { page, faults } = await open("#analysis=explore");
  await page.setInputFiles("#choose-folder", folder);
  await page.locator('[data-pack="stored"]').waitFor({ timeout: 60_000 });
  const now = page.locator(".answer-now");
  assert.match(await now.innerText(), /^131,072 tokens: 90\d MB now/);
  await page.locator("#run:enabled", { hasText: "Run" }).click();
  const going = await page.waitForFunction(
    () =>
      [...document.querySelectorAll("#answer .muted")].some(({ textContent }) => /after \d+ layers? so far/.test(textContent ?? "")) &&
      document.querySelector(".answer-now")?.textContent,
    undefined,
    { timeout: 60_000 },
  );
  assert.match(String(await going.jsonValue()), /^131,072 tokens: 90\d MB now/);
  await page.locator('#result .live [data-chart="front"] svg').first().waitFor();
  assert.match(await page.locator(".run-bar .state-text").innerText(), /^\d+\s% · [\d.,]+\sMB\/s/);
  await page.locator("#run:enabled", { hasText: "Cancel" }).click();
  await page.locator("#run:enabled", { hasText: "Run" }).waitFor();
  assert.match(await now.innerText(), /^131,072 tokens: 90\d MB now/);
  assert.equal(await page.locator("#result .live svg").count(), 0);
  assert.deepEqual(faults, []);
  await page.close();
  await rm(folder, { recursive: true });
});

test("a search and the writing of a file are cancelled, and the page goes on", async () => {
  const { page, faults } = await open("#analysis=explore&steps=0.02,0.03,0.04,0.06,0.085,0.12,0.18,0.26,0.38,0.55,0.8");
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.locator('[data-pack="stored"]').waitFor({ timeout: 60_000 });
  await page.locator("#run:enabled", { hasText: "Run" }).click();
  await page.locator("#run:enabled", { hasText: "Cancel" }).click();
  await page.locator("#run:enabled", { hasText: "Run" }).waitFor();
  assert.equal(await page.locator('button[data-file="explore.csv"]').count(), 0);
  assert.equal(await page.locator("#announce").textContent(), "Cancelled");
  // What is known until then stays an estimate, of the whole dump.
  assert.match(await size(page, "stored"), /^~/);
  assert.match(await page.locator(".answer-now").innerText(), /^131,072 tokens: 90\d MB now/);

  const status = page.locator(".packing [role=status]");
  /** @type {string[]} */
  const saved = [];
  page.on("download", (download) => saved.push(download.suggestedFilename()));
  await page.locator('[data-pack="lossless"]').click();
  // Cancel has the focus.
  await page.keyboard.press("Enter");
  await status.getByText("Cancelled: no file was written.").waitFor();
  assert.deepEqual(saved, []);
  assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ""), /^Download \.kvz/);

  const [download] = await Promise.all([page.waitForEvent("download"), page.locator('[data-pack="lossless"]').click()]);
  assert.equal(download.suggestedFilename(), "prompt_128.kvz");
  await runToEnd(page);
  assert.deepEqual(faults, []);
  await page.close();
});

test("of layers that differ the size is an estimate before a run; what is left out is told by reason, and what is missing is said", async () => {
  const { page } = await open("#analysis=explore");
  await page.setInputFiles("#choose-folder", join(ROOT, "tests/data/edge-dump"));
  const now = page.locator(".answer-now");
  await now.getByText("now").waitFor({ timeout: 60_000 });
  assert.match(await now.innerText(), /^131,072 tokens: ~/);
  await runToEnd(page);
  assert.match(await now.innerText(), /^131,072 tokens: \d/);
  const notes = await page.locator(".facts-list li", { hasText: "is left out" }).allInnerTexts();
  const reasons = notes.map((note) => note.replace(/^.*?: /, ""));
  assert.deepEqual(reasons, [...new Set(reasons)]);
  assert.match(notes.join("\n"), /kivi2, .*: head_dim 80 is not a multiple of its group size 32/m);
  if ((await page.locator('[data-answer="stored"]').count()) === 0)
    await page.getByText("no coded scheme of kvlens takes less than lossless").waitFor();
  await page.close();
});

test("another dump is another question: the answer is of what is there now", async () => {
  const { page } = await open("#analysis=explore");
  await page.setInputFiles("#choose-folder", SAMPLE);
  await runToEnd(page);
  assert.match(await size(page, "stored"), /^\d/);
  await page.setInputFiles("#choose-files", join(ROOT, "tests/data/cases/torch-2.15/dynamic_cache.pt"));
  await page.locator(".runs li").nth(1).waitFor();
  await page.locator(".answer-size strong", { hasText: "~" }).first().waitFor();
  await runToEnd(page);
  await page.locator(".run-rows li").nth(1).waitFor();
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await page.getByText(/^These runs searched different dumps, prompt_128 and /).waitFor();
  await page.getByRole("button", { name: "#1 explore", exact: true }).click();
  await page.getByRole("button", { name: /^Remove (?!prompt_128)/ }).click();
  await page.locator(".runs li").nth(1).waitFor({ state: "detached" });
  await page.locator('[data-answer="stored"] .answer-size strong', { hasText: /^\d/ }).waitFor();
  await page.close();
});

test("a method of the four analyses is taken with its settings", async () => {
  const { page } = await open("#analysis=explore");
  await page.setInputFiles("#choose-folder", SAMPLE);
  await runToEnd(page);
  const take = page.locator('[data-answer="reference"]').getByRole("button", { name: /^Take/ }).first();
  await take.click();
  assert.match(page.url(), /lossless-first-n=0/);
  assert.notEqual(await page.getByRole("tab", { selected: true }).innerText(), "Explore");
  await page.close();
});

test("an answer is taken home as a .kvz; dropped again it is a dump with the same errors", async () => {
  const { page, faults } = await open("#analysis=explore");
  await page.setInputFiles("#choose-folder", SAMPLE);
  const slider = page.getByRole("slider", { name: /^(Index|Attention error|Cosine)/ });
  await slider.waitFor({ timeout: 60_000 });
  await slider.focus();
  for (let i = 0; i < 8; i++) await page.keyboard.press("ArrowRight");
  await runToEnd(page);
  // Of the run at the limit that was set: written and read back, no estimate.
  const row = page.locator('[data-answer="stored"]');
  const [cost, schemes] = [await row.locator(".answer-cost").innerText(), await row.locator("code").innerText()];
  const button = row.getByRole("button", { name: /^Download \.kvz, [\d.]+ [kM]B$/ });
  const told = (await button.innerText()).replace(/^.*, /, "");
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  assert.equal(download.suggestedFilename(), "prompt_128.kvz");
  const file = await readFile(await download.path());
  const status = page.locator(".packing [role=status]");
  const written = /([\d.]+) ([kM]B) of K and V, ([\d.]+) kB of index and ([\d.]+) kB of queries\.$/.exec(await status.innerText());
  assert(written, await status.innerText());
  assert.equal(`${written[1]} ${written[2]}`, told, "the size that is told is the file's");
  const all = Number(written[1]) * (written[2] === "MB" ? 1e6 : 1e3) + (Number(written[3]) + Number(written[4])) * 1e3;
  assert(Math.abs(file.length / all - 1) < 0.01, `${file.length} bytes, told ${all}`);
  assert.match(schemes, /tkc:c=/);

  // The same bytes as the command line writes.
  const [k, v] = schemes.startsWith("K ") ? schemes.slice(2).split(", V ") : [schemes, schemes];
  const folder = await mkdtemp(join(tmpdir(), "kvlens-kvz-"));
  const native = join(folder, "native.kvz");
  await promisify(execFile)(PROGRAM, ["pack", join(SAMPLE, ".."), "--k-scheme", k, "--v-scheme", v, "--queries", "-o", native]);
  assert(file.equals(await readFile(native)), "the page and the command line write the same bytes");
  await rm(folder, { recursive: true });

  const { page: other, faults: others } = await open();
  await other.setInputFiles("#choose-files", { name: "prompt_128.kvz", mimeType: "", buffer: file });
  await other
    .getByText(`prompt_128.kvz: K was stored as ${k}, V was stored as ${v}: what is measured are the values that came back`)
    .waitFor();
  await other.getByText("Convert, or cut a sample out to share").click();
  await other.getByRole("combobox", { name: "Format" }).selectOption("safetensors");
  const [unpacked] = await Promise.all([
    other.waitForEvent("download"),
    other.getByRole("button", { name: "Convert and download" }).click(),
  ]);
  const found = await cosines(await readFile(await unpacked.path()));
  const shown = /cosine\sK\s([\d.]+)\sV\s([\d.]+)/.exec(cost);
  assert(shown, cost);
  for (const [i, kv] of ["k", "v"].entries()) {
    const digits = shown[i + 1].split(".")[1].length;
    assert(found[i] < 1 && Math.abs(found[i] - Number(shown[i + 1])) <= 0.51 * 10 ** -digits, `${kv}: ${found[i]}, told ${shown[i + 1]}`);
  }
  assert.deepEqual([...faults, ...others], []);
  await other.close();
  await page.close();
});

/** The mean over layers of the cosines of K and of V in a safetensors file with those of the sample. @param {Buffer} file */
async function cosines(file) {
  const length = Number(file.readBigUInt64LE());
  const header = JSON.parse(file.subarray(8, 8 + length).toString());
  /** @type {Map<string, number[]>} */
  const sums = new Map();
  for (const [name, tensor] of Object.entries(header)) {
    const parts = /(layer_\d+)\/.*?(t\d+_\d+)\.([kv])$/.exec(name);
    if (!parts) continue;
    const [, layer, stem, kv] = parts;
    const [from, to] = tensor.data_offsets.map((/** @type {number} */ offset) => 8 + length + offset);
    const [now, before] = [file.subarray(from, to), await readFile(join(SAMPLE, "prompt_128", layer, `${kv}_${stem}.bin`))];
    const key = `${kv} ${layer}`;
    const sum = sums.get(key) ?? [0, 0, 0];
    sums.set(key, sum);
    for (let at = 0; at < before.length; at += 2) {
      const [x, y] = [half(before.readUInt16LE(at)), half(now.readUInt16LE(at))];
      sum[0] += x * y;
      sum[1] += x * x;
      sum[2] += y * y;
    }
  }
  return ["k", "v"].map((kv) => {
    const all = [...sums].filter(([key]) => key.startsWith(kv)).map(([, [xy, xx, yy]]) => xy / Math.sqrt(xx * yy));
    return all.reduce((sum, each) => sum + each, 0) / all.length;
  });
}

/** The value of an fp16. @param {number} bits */
function half(bits) {
  const [exponent, mantissa] = [(bits >> 10) & 31, bits & 1023];
  const size = exponent ? (1 + mantissa / 1024) * 2 ** (exponent - 15) : mantissa * 2 ** -24;
  return bits >> 15 ? -size : size;
}
