// Nothing is lost and nothing misleads: Back and Forward, reloads, links, and runs as things to name, compare, delete and keep.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runTab, runToEnd } from "./page.js";
import { SAMPLE } from "./engine.js";
import { ROOT } from "./server.js";
import { until, visit } from "./visit.js";

/** @import { Page } from "playwright-core" */

const site = visit({ permissions: ["clipboard-read", "clipboard-write"], acceptDownloads: true });
const { open } = site;

/** The sample with its first result. */
async function sample() {
  const page = await open();
  await page.locator("#try-sample").click();
  await page.locator(".run-rows li").first().waitFor();
  return page;
}

/** @param {Page} page @param {string} name */
const selected = (page, name) => page.getByRole("tab", { name, selected: true }).waitFor();

test("Back and Forward move through tabs, settings and results within the page", async () => {
  const page = await sample();
  await page.locator(".shown .headline").waitFor();
  await runTab(page, "Block-norm");
  await page.locator('.run-rows li[aria-current="true"]', { hasText: "blocknorm" }).waitFor();
  const level = page.getByRole("textbox", { name: "zstd level", exact: true });
  await level.fill("7");
  await page.goBack();
  assert.equal(await level.inputValue(), "3");
  await page.goBack();
  await page.locator('.run-rows li[aria-current="true"]', { hasText: "mixed" }).waitFor();
  await page.goBack();
  await selected(page, "Mixed");
  await page.goForward();
  await selected(page, "Block-norm");
  assert.equal(await page.locator(".run-rows li").count(), 2, "no result is lost");
  await page.close();
});

test("Back to before the first result leaves a result on screen, and so does Back after one is deleted", async () => {
  const page = await sample();
  await page.locator(".shown .headline").waitFor();
  const first = await page.evaluate("history.state.shown");
  assert.equal(typeof first, "number");
  await page.goBack();
  await page.waitForFunction(`history.state.shown === ${first}`);
  assert(await page.locator(".shown .headline").isVisible());
  await runTab(page, "Block-norm");
  await page.getByRole("button", { name: "Delete #2 blocknorm" }).click();
  await page.goBack();
  await page.waitForFunction(`history.state.shown === ${first}`);
  assert(await page.locator(".shown .headline").isVisible());
  await page.close();
});

/** The line of the run on screen. @param {import("playwright-core").Page} page @param {string} name */
const onScreen = (page, name) => page.locator('.run-rows li[aria-current="true"]', { hasText: name }).waitFor();

test("after a reload the result that was on screen is on screen, and Back and Forward lead to the same ones, whatever their numbers are now", async () => {
  const page = await sample();
  page.on("dialog", (dialog) => dialog.accept());
  await runTab(page, "Block-norm");
  await runTab(page, "Compare");
  await runTab(page, "Mixed");
  await page.locator("#keep").check();
  await page.getByRole("button", { name: "Delete #1 mixed" }).click();
  await until(page, "import('./keep.js').then(({ kept }) => kept()).then(({ outcomes }) => outcomes.length === 3)");
  await page.goBack();
  await page.goBack();
  await onScreen(page, "#3 lossy-compare");
  await page.reload();
  await onScreen(page, "#2 lossy-compare");
  await page.goBack();
  await page.goBack();
  await onScreen(page, "#1 blocknorm");
  for (let i = 0; i < 4; i++) await page.goForward();
  await onScreen(page, "#3 mixed");
  await page.locator("#keep").uncheck();
  await until(page, "import('./keep.js').then(({ kept }) => kept()).then(({ outcomes }) => outcomes.length === 0)");
  await page.close();
});

test("Back to a result from before a reload that forgot it leaves on screen what is there, and shows no other", async () => {
  const page = await sample();
  page.on("dialog", (dialog) => dialog.accept());
  const old = /** @type {number} */ (await page.evaluate("history.length"));
  await page.getByRole("tab", { name: "Sweep" }).click();
  await page.reload();
  // The link's own dump comes by itself.
  await page.locator(".runs li").waitFor();
  await runTab(page, "Block-norm");
  await runTab(page, "Compare");
  await page.evaluate((old) => history.go(old - history.length), old);
  await selected(page, "Mixed");
  await onScreen(page, "#2 lossy-compare");
  await page.close();
});

test("a run that had ended when Cancel was pressed is done, and that is what is said", async () => {
  const page = await site.newPage();
  await page.addInitScript(() => {
    const Worker = window.Worker;
    /** Presses Cancel when the answer is there, and the page has not heard of it. */
    window.Worker = class extends Worker {
      /** @param {[URL | string, WorkerOptions?]} made */
      constructor(...made) {
        super(...made);
        this.addEventListener("message", ({ data }) => {
          const button = document.getElementById("run");
          if (data.result?.report && button?.textContent === "Cancel") button.click();
        });
      }
    };
  });
  await page.goto(site.url());
  await page.locator("#try-sample").click();
  await page.locator(".run-rows li").waitFor();
  await page.locator(".shown .headline").waitFor();
  await page
    .locator("#announce", { hasText: "Done: it had ended before it could be cancelled" })
    .waitFor({ state: "attached", timeout: 5000 });
  await page.close();
});

test("a setting that changes just after a move to another tab is a step of its own", async () => {
  const page = await sample();
  await page.locator(".shown .headline").waitFor();
  const level = page.getByRole("textbox", { name: "zstd level", exact: true });
  await level.fill("5");
  await page.getByRole("tab", { name: "Block-norm" }).click();
  const before = await level.inputValue();
  await level.fill("7");
  await page.goBack();
  await selected(page, "Block-norm");
  assert.equal(await level.inputValue(), before);
  await page.close();
});

test("leaving with results asks, and settings of every tab survive a reload", async () => {
  const page = await sample();
  await page.getByRole("tab", { name: "Sweep" }).click();
  await page.getByRole("textbox", { name: "Block sizes", exact: true }).fill("32");
  await page.getByRole("tab", { name: "Mixed" }).click();
  /** @type {string[]} */
  const asked = [];
  page.on("dialog", async (dialog) => {
    asked.push(dialog.type());
    await dialog.accept();
  });
  await page.reload();
  assert.deepEqual(asked, ["beforeunload"]);
  await page.getByRole("tab", { name: "Sweep" }).click();
  assert.equal(await page.getByRole("textbox", { name: "Block sizes", exact: true }).inputValue(), "32");
  await page.close();
});

test("a copied link brings the sample and its result, and names what it does not know", async () => {
  const page = await sample();
  await page.getByRole("button", { name: "Copy link" }).click();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(link, /#dump=sample\.zip&run=1$/);
  const other = await site.newPage();
  await other.goto(`${link}&lossy-bitz=5`);
  await other.locator(".run-rows li").first().waitFor();
  assert.match(await other.locator("#strange-keys").innerText(), /does not know: lossy-bitz\n/);
  assert.equal(await other.locator(".big-value").innerText(), await page.locator(".big-value").innerText());
  await page.close();
  await other.close();
});

test("runs are renamed, compared on the layers that both measured, plotted and deleted", async () => {
  const page = await sample();
  assert.match(await page.locator(".shown .covers").innerText(), /Over all 9 layers: 2 lossless, 7 lossy/);
  await runTab(page, "Block-norm");
  assert.match(await page.locator(".shown .covers").innerText(), /Over the 7 lossy layers only/);
  await page.getByRole("button", { name: "Rename #1 mixed" }).click();
  await page.getByRole("textbox", { name: "New name of #1 mixed" }).fill("first try");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "first try", exact: true }).waitFor();
  await page.locator(".all-runs [data-chart='all-runs'] svg.kv-sheet").waitFor();
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  assert.match(await page.locator(".shown .covers").innerText(), /Over the 7 layers that both runs measured, of 9/);
  await page.getByRole("button", { name: "Delete first try" }).click();
  assert.equal(await page.locator(".run-rows li").count(), 1);
  await page.close();
});

test("the focus on a button stays where it is when figures arrive later", async () => {
  for (const selector of ["#rename-1", "[data-file='mixed_summary.md']"]) {
    const page = await open();
    // As soon as the first result is there: the other codecs are measured next.
    await page.evaluate((selector) => {
      new MutationObserver((_, watcher) => {
        const button = /** @type {HTMLElement | null} */ (document.querySelector(selector));
        if (!button) return;
        watcher.disconnect();
        button.focus();
      }).observe(document.body, { subtree: true, childList: true });
    }, selector);
    await page.locator("#try-sample").click();
    await page.locator(".otherwise", { hasText: "Codec" }).waitFor();
    assert(await page.evaluate((selector) => document.activeElement?.matches(selector), selector), selector);
    await page.close();
  }
});

test("a name that is being typed stays when the list of runs changes", async () => {
  const page = await sample();
  await page.getByRole("button", { name: "Rename #1 mixed" }).click();
  await page.keyboard.type("first");
  // As a run that was started before would end now.
  await page.evaluate(() => document.getElementById("run")?.click());
  await page.locator(".run-rows li").nth(1).waitFor();
  await page.keyboard.type(" try");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Rename first try" }).waitFor({ timeout: 5000 });
  await page.close();
});

test("settings in which runs differ are named once, as the form names them, and only where they had an effect", async () => {
  const page = await sample();
  await runTab(page, "Compare");
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  const rows = await page.locator(".compare").nth(1).locator("tbody tr").allInnerTexts();
  const names = rows.map((row) => row.split("\t")[0]);
  assert.deepEqual(names, [...new Set(names)]);
  // The first run truncates: the quantizer's bits say nothing of it.
  assert(rows.includes("Bits\t–\t8"), rows.join("\n"));
  assert(rows.includes("Mantissa bits\t6\t–"), rows.join("\n"));
  await page.close();
});

test("a run of several methods is compared by the one it stands for, and runs of different dumps by figures of their own", async () => {
  const page = await sample();
  await runTab(page, "Compare");
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  const covers = page.locator(".shown .covers");
  assert.match(await covers.innerText(), /7 layers that both runs measured, of 9.*#2 lossy-compare: (quant|clip)\w*, \d+ bits/);
  // By layer a run opens on the same one, not on the first of the list.
  await page.getByRole("button", { name: "#2 lossy-compare", exact: true }).click();
  const method = await page.getByRole("combobox", { name: "Method of the table by layer" }).inputValue();
  assert((await page.locator(".sentence strong").innerText()).startsWith(method.replace(/,.*/, "")), method);

  await page.setInputFiles("#choose-files", join(ROOT, "tests/data/cases/torch-2.15/dynamic_cache.pt"));
  await page.locator(".runs li").nth(1).waitFor();
  await runTab(page, "Mixed");
  await page.getByRole("button", { name: "Compare", exact: true }).last().click();
  assert.match(await covers.innerText(), /^These runs measured different dumps/);
  assert.equal(await page.locator('[data-chart="two-runs"]').count(), 0);
  await page.close();
});

test("a comparison says when captures of one run are left out though both have all layers", async () => {
  const page = await sample();
  await page.getByText("Prefill", { exact: true }).last().click();
  await runToEnd(page);
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await page.getByText(/^Over the \d+ captures that both runs measured, of 81: the others are left out/).waitFor();
  await page.close();
});

test("a run that is left out just before Run is not in the result, and two clicks leave it out once", async () => {
  const page = await open();
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.locator(".runs li").waitFor();
  await page.setInputFiles("#choose-files", join(ROOT, "tests/data/cases/torch-2.15/dynamic_cache.pt"));
  await page.locator(".runs li").nth(1).waitFor();
  await page.locator("#run:enabled").waitFor();
  await page.evaluate(() => {
    const remove = /** @type {HTMLElement} */ (document.querySelector('[aria-label="Remove dynamic_cache"]'));
    remove.click();
    remove.click();
    document.getElementById("run")?.click();
  });
  await page.locator(".run-rows li").waitFor();
  assert.equal(await page.locator(".run-rows .run-dump").innerText(), "prompt_128");
  assert.equal(await page.getByRole("heading", { name: "By run" }).count(), 0);
  assert.equal(await page.locator(".left-out li").count(), 1);
  await page.close();
});

test("figures of V are by its own shape, and estimates by the bytes of layers", async () => {
  const page = await open();
  const elements = await page.evaluate(async () => {
    const { byLayer } = await import(`${location.origin}/figures.js`);
    const tensor = { rawBytes: 0, size: 0, extraBytes: 0, nonFinite: 0, planes: { whole: 0 }, errors: null };
    const row = { layerId: 0, stage: "prefill", variant: {}, lossless: true, k: tensor, v: tensor, seqLen: 3, kvHeads: 2, headDim: 8 };
    return byLayer([{ ...row, vKvHeads: 1, vHeadDim: 4 }]).map((/** @type {any} */ stat) => stat.elements);
  });
  assert.deepEqual(elements, [48, 12]);
  const text = await page.evaluate(async () => {
    const { estimateText } = await import(`${location.origin}/views/estimate.js`);
    const half = (/** @type {number} */ kvRatio) => ({ rows: 1, kvRatio });
    const group = { variant: { label: "truncate", bits: 6 }, all: half(9), lossless: half(1), lossy: half(2) };
    const estimate = { analysis: "mixed", report: { headline: 0, groups: [group], captures: 2 }, bytes: 1, of: 8 };
    const param = { flag: "lossless-first-n", default: 1, kind: { type: "int" } };
    const layers = [
      { layerId: 0, bytes: 6 },
      { layerId: 1, bytes: 2 },
    ];
    const specs = [{ name: "mixed", variants: "one", params: [param] }];
    return estimateText({ estimate, running: null, writing: false, analysis: "mixed", specs, values: { "": {} }, dump: { layers } });
  });
  // 6 bytes stay, 2 become 1.
  assert.match(text, /^~ KV 1\.143×/);
  await page.close();
});

test("the headline shows the worst error and the error's share of the values, and no cosine above 1", async () => {
  const page = await sample();
  const heads = await page.locator(".figures thead th").allInnerTexts();
  const k = await page.locator(".figures tr.k td").allInnerTexts();
  const cell = (/** @type {string} */ name) => k[heads.indexOf(name)];
  assert.equal(cell("worst"), "0.234");
  assert.match(cell("of the values"), /^0\.\d+ %$/);
  assert.equal(await page.evaluate("import('./format.js').then(({ cosine }) => cosine(1.00000012))"), "1.000");
  await page.close();
});

test("zeros without an error have no share of it, and where no layer could be searched that is said in place of 0 bytes", async () => {
  const page = await open();
  await page.evaluate(() => {
    const shape = { layer_id: 0, seq_len: 8, kv_heads: 1, head_dim: 64, bytes_per_elem: 2, dtype: "fp16", stage: "prefill" };
    const meta = JSON.stringify({ ...shape, k_file: "k.bin", v_file: "v.bin" });
    const files = new DataTransfer();
    const contents = { "meta_t0.json": meta, "k.bin": new Uint16Array(512), "v.bin": new Uint16Array(512).fill(0x7e00) };
    for (const [name, content] of Object.entries(contents)) files.items.add(new File([content], name));
    const input = /** @type {HTMLInputElement} */ (document.getElementById("choose-files"));
    input.files = files.files;
    input.dispatchEvent(new Event("change"));
  });
  await page.locator(".runs li").waitFor();
  await page
    .getByRole("spinbutton", { name: "Lossless layers" })
    .or(page.getByLabel("Lossless layers", { exact: true }))
    .fill("0");
  await runToEnd(page);
  const heads = await page.locator(".figures thead th").allInnerTexts();
  const k = await page.locator(".figures tr.k td").allInnerTexts();
  assert.equal(k[heads.indexOf("of the values")], "0 %");
  await page.locator(".glimpse", { hasText: "How small can it get?" }).waitFor();
  await runTab(page, "Explore");
  await page.locator("#answer").getByText("No layer could be measured").waitFor();
  assert.equal(await page.getByText("0 B now").count(), 0);
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator('[data-file="report.html"]').click()]);
  const html = await readFile(await download.path(), "utf8");
  assert.match(html, /No layer could be measured[\s\S]*Left out[\s\S]*layer 0 holds NaN/);
  assert(!html.includes("0 B now"), html);
  await page.close();
});

test("Download all has report.html beside the report's files", async () => {
  const page = await sample();
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#download-all").click()]);
  const bytes = await readFile(await download.path(), "latin1");
  for (const name of ["report.html", "mixed_summary.md", "mixed_layer_metrics.csv"]) assert.ok(bytes.includes(name), name);
  await page.close();
});

test("runs and the dump come back after a reload only where the reader wants them kept", async () => {
  const page = await sample();
  page.on("dialog", (dialog) => dialog.accept());
  const stored = () => page.evaluate("indexedDB.databases().then((all) => all.length)");
  assert.equal(await stored(), 0, "nothing is stored before it is asked for");
  await page.locator("#keep").check();
  await page.setInputFiles("#choose-files", join(ROOT, "tests/data/cases/torch-2.15/dynamic_cache.pt"));
  await until(page, "import('./keep.js').then(({ kept }) => kept()).then(({ files }) => files.length === 2)");
  await page.getByRole("button", { name: /^Remove (?!prompt_128)/ }).click();
  const back = page.getByRole("button", { name: /^Take .* in again$/ });
  await back.waitFor();
  await page.goto("about:blank");
  await page.goto(site.url());
  await page.locator(".run-rows li").first().waitFor();
  await page.locator(".runs li", { hasText: "prompt_128" }).waitFor();
  await back.waitFor();
  assert.equal(await page.locator(".runs li").count(), 1, "what was left out stays out");
  await page.locator(".shown .headline").waitFor();
  await page.locator("#keep").uncheck();
  await until(page, "import('./keep.js').then(({ kept }) => kept()).then(({ files, outcomes }) => files.length + outcomes.length === 0)");
  await page.close();
});
