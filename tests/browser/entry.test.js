// What people have: caches as their makers write them open in the page, with the word that a figure needs and the mend one click away.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { drop, runToEnd, violations } from "./page.js";
import { ROOT } from "./server.js";
import { visit } from "./visit.js";

/** @import { Page } from "playwright-core" */

const CASES = join(ROOT, "tests/data/cases");

const site = visit({ permissions: ["clipboard-read", "clipboard-write"] });
const { open } = site;

/** Runs, and gives the headline's ratio. @param {Page} page */
async function ratioOf(page) {
  await runToEnd(page);
  return page.locator(".big-value").innerText();
}

/** @type {[name: string, facts: RegExp, ratio: string, told?: RegExp][]} */
const OPENS = [
  ["torch-2.15/dynamic_cache.pt", /3 layers[\s\S]*2 KV heads × 8[\s\S]*fp16[\s\S]*70 tokens/, "1.072×"],
  ["torch-2.15/legacy_tuple.pth", /3 layers[\s\S]*70 tokens/, "1.072×"],
  ["torch-2.15/legacy_tuple_stream.bin", /3 layers[\s\S]*70 tokens/, "1.072×"],
  ["torch-2.15/stacked_layers_kv.pt", /3 layers[\s\S]*70 tokens/, "1.072×"],
  ["torch-2.15/numpy_in_a_dict.pt", /3 layers[\s\S]*70 tokens/, "1.072×"],
  ["torch-2.15/numpy.joblib", /3 layers[\s\S]*70 tokens/, "1.072×"],
  ["torch-2.15/numpy_objects.npy", /3 layers[\s\S]*70 tokens/, "1.072×"],
  ["torch-2.15/two_files", /3 layers[\s\S]*70 tokens/, "1.072×"],
  ["torch-2.15/bfloat16.pt", /3 layers[\s\S]*bf16[\s\S]*70 tokens/, "1.311×"],
  ["torch-2.15/hostile.pt", /1 layer/, "1.075×", /posix\.system: not a tensor; not run/],
  [
    "mlx-0.32/prompt_cache.safetensors",
    /5 layers[\s\S]*bf16[\s\S]*16 to 20 tokens/,
    "1.437×",
    /already quantized by mlx to 4 bits in groups of 32/,
  ],
  ["mnn-packed/packed", /2 KV heads × 64[\s\S]*60 tokens/, "1.216×"],
];

test("files that are not read are named or counted by their kind", async () => {
  const page = await open("");
  await page.setInputFiles("#choose-folder", join(ROOT, "tests/data/sample-dump"));
  await page.getByText("Not read (not a dump format): sample-dump/README.md, sample-dump/LICENSE-Apache-2.0.txt").waitFor();
  await page.close();
});

test("a file that is no dump is named once, and nothing is called the last where there is a question left", async () => {
  const page = await open("");
  await page.setInputFiles("#choose-files", { name: "notes.txt", mimeType: "", buffer: Buffer.from("notes") });
  await page.getByText("1 file left out. Nothing else is there to analyse.").waitFor();
  assert.equal((await page.locator("#dump-body").innerText()).match(/notes\.txt/g)?.length, 1);
  await page.setInputFiles("#choose-files", [
    { name: "no_names.npz", mimeType: "", buffer: await readFile(join(ROOT, "tests/data/formats/no_names.npz")) },
    { name: "bad.zip", mimeType: "", buffer: Buffer.from("PK") },
  ]);
  await page.getByText("names or axes can’t be told.").waitFor();
  assert.doesNotMatch(await page.locator("#dump-body").innerText(), /Nothing else is there/);
  await page.close();
});

test("caches as their makers write them open, each with its figures", async () => {
  for (const [name, facts, ratio, told] of OPENS) {
    const page = await open("#lossless-first-n=99");
    await drop(page, join(CASES, name));
    await page.locator(".runs li").first().waitFor();
    assert.match(await page.locator(".runs").first().innerText(), facts, name);
    if (told) assert.match(await page.locator("#dump-body").innerText(), told, name);
    assert.equal(await ratioOf(page), ratio, name);
    await page.close();
  }
});

test("float64 is told what to do, in the page's words", async () => {
  const page = await open();
  await drop(page, join(CASES, "torch-2.15/float64.pt"));
  await page.getByText("save it as float32 (.float() in PyTorch").waitFor();
  assert(await page.locator("#run").isDisabled());
  assert.doesNotMatch(await page.locator("#dump-body").innerText(), /--[a-z]/);
  await page.close();
});

for (const { name, kind, ratio, button, mended, setting } of [
  {
    name: "static_cache.pt",
    kind: "zero-tail",
    ratio: "1.440×",
    button: "Trim zeros and run again",
    mended: "1.072×",
    setting: "trim-zeros=true",
  },
  {
    name: "expanded_heads.pt",
    kind: "repeated-heads",
    ratio: "3.998×",
    button: "Unrepeat heads and run again",
    mended: "1.0",
    setting: "unrepeat-heads=true",
  },
]) {
  test(`a figure that misleads says why, and one click mends it: ${kind}`, async () => {
    const page = await open("#lossless-first-n=99");
    await drop(page, join(CASES, "torch-2.15", name));
    assert.equal(await ratioOf(page), ratio);
    await page.locator(`.caveats [data-kind="${kind}"]`).getByRole("button", { name: button }).click();
    await page.locator(`.caveats [data-kind="${kind}"].mended`).waitFor();
    assert((await page.locator(".big-value").innerText()).startsWith(mended));
    assert(page.url().includes(setting), page.url());
    await page.close();
  });
}

test("what the figures will hide is said before any run", async () => {
  const page = await open();
  await drop(page, join(CASES, "torch-2.15/static_cache.pt"));
  await page.locator('#dump .caveats [data-kind="zero-tail"]').waitFor();
  assert.equal(await page.locator(".run-rows li").count(), 0);
  // The result says it itself, and once is enough.
  await ratioOf(page);
  await page.locator('#result .caveats [data-kind="zero-tail"]').waitFor();
  assert.equal(await page.locator("#dump .caveats").count(), 0);
  await page.close();
});

test("two runs are told apart: figures of each, and one may be left out and taken in again", async () => {
  const page = await open("#lossless-first-n=99");
  await drop(page, join(CASES, "torch-2.15/two_runs.pt"), join(CASES, "torch-2.15/bfloat16.pt"));
  await page.locator(".runs li").nth(2).waitFor();
  await ratioOf(page);
  const table = page.getByRole("region", { name: "Figures of each run" });
  assert.match(await table.innerText(), /bfloat16\s+bf16\s+3\s+70\s+3\s+1\.311[\s\S]*\ba\s+fp16\s+3\s+70\s+3\s+1\.072[\s\S]*\bb\s+fp16/);
  await page.getByRole("button", { name: "Remove bfloat16" }).click();
  const back = page.getByRole("button", { name: "Take bfloat16 in again" });
  await back.waitFor();
  assert(await back.evaluate((button) => button === document.activeElement));
  assert.equal(await ratioOf(page), "1.072×");
  await back.click();
  await page.locator(".runs li").nth(2).waitFor();
  assert.equal(await back.count(), 0);
  await page.close();
});

test("every capture of a run counts in the run's figures, not only its longest ones", async () => {
  const page = await open("#lossless-first-n=99");
  await drop(page, join(ROOT, "tests/data/sample-dump/dumps"), join(CASES, "torch-2.15/bfloat16.pt"));
  await page.locator(".runs li").nth(1).waitFor();
  await ratioOf(page);
  const lines = await page.getByRole("region", { name: "Figures of each run" }).locator("tbody tr").allInnerTexts();
  assert.equal(lines.length, 2, lines.join("\n"));
  assert(
    lines.some((line) => /\s81\s/.test(line)),
    lines.join("\n"),
  );
  await page.close();
});

test("heads that lie in one axis are asked for, and the answer is in the link", async () => {
  const page = await open();
  await drop(page, join(ROOT, "tests/data/tiny/tiny_llama.bin"));
  const heads = page.getByRole("textbox", { name: "KV heads" });
  await heads.fill("2");
  await page.getByRole("button", { name: "Read them like this" }).click();
  await page.locator(".runs", { hasText: "2 KV heads" }).waitFor();
  assert.match(page.url(), /kv-heads=2/);
  assert.doesNotMatch(await page.locator("#dump-body").innerText(), /--[a-z]/);
  await page.close();
});

test("the page shows how to get a dump, as the documentation has it", async () => {
  const page = await open();
  await page.getByText("How to get a dump").click();
  await page.getByRole("button", { name: "Copy the lines" }).click();
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  assert.equal(await copied(), await readFile(join(ROOT, "docs/snippets/transformers.py"), "utf8"));
  await page.getByLabel("From").selectOption("llama.cpp");
  await page.getByRole("button", { name: /^Cop(y the lines|ied)$/ }).click();
  assert.equal(await copied(), await readFile(join(ROOT, "docs/snippets/llama_cpp.sh"), "utf8"));
  const found = await violations(page);
  assert.deepEqual(
    found.map(({ id }) => id),
    [],
  );
  await page.close();
});
