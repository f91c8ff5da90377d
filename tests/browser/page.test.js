// The page as its reader uses it: by mouse, by keyboard and by link, wide and narrow, light and dark.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./chromium.js";
import { openWatched, runToEnd, violations } from "./page.js";
import { ROOT, serve } from "./server.js";

/** @import { Page } from "playwright-core" */

const SAMPLE = join(ROOT, "tests/data/sample-dump/dumps");
const EDGE = join(ROOT, "tests/data/edge-dump");

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

/** @param {Page} page @param {string} folder */
async function choose(page, folder) {
  await page.setInputFiles("#choose-folder", folder);
  await page.locator(".runs li").first().waitFor();
}

/** @param {Page} page @param {string} name */
const field = (page, name) => page.getByRole("textbox", { name, exact: true });

/** @param {Page} page @param {string} state */
async function assertAccessible(page, state) {
  const all = await violations(page);
  const serious = all.filter(({ impact }) => impact === "serious" || impact === "critical");
  const found = serious.map(
    (/** @type {any} */ { id, nodes }) =>
      `${id}: ${nodes
        .map((/** @type {any} */ node) => node.html)
        .slice(0, 3)
        .join(" ")}`,
  );
  assert.deepEqual(found, [], state);
}

/** @param {Page} page @param {string} state */
async function assertFits(page, state) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert(over <= 0, `${state} scrolls sideways by ${over} px`);
}

for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  for (const width of [1280, 390]) {
    test(`every state is accessible and fits: ${colorScheme}, ${width} px`, async () => {
      const { page, faults } = await open();
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.setViewportSize({ width, height: 844 });
      /** @param {string} state */
      const check = async (state) => {
        await assertAccessible(page, state);
        await assertFits(page, state);
      };
      await check("empty");
      await page.setInputFiles("#choose-files", join(ROOT, "tests/data/formats/no_names.npz"));
      await page.getByText("names or axes can’t be told").waitFor();
      await check("arrays asked about");
      await page.keyboard.press("?");
      await check("keys");
      await page.keyboard.press("Escape");
      await choose(page, EDGE);
      assert.match(await page.locator(".problems").innerText(), /1 file left out[\s\S]*layer_9\/meta_t0_5\.json[\s\S]*v_gone\.bin/);
      await page.getByText("Convert, or cut a sample out to share").click();
      await check("loaded, with a problem");
      for (const name of ["Mixed", "Block-norm", "Sweep", "Compare"]) {
        await page.getByRole("tab", { name }).click();
        await runToEnd(page);
        await check(`result of ${name}`);
      }
      await field(page, "zstd level").fill("99");
      await check("a wrong value");
      await page.getByRole("button", { name: "Compare", exact: true }).first().click();
      await check("two runs compared");
      assert.deepEqual(faults, []);
      await page.close();
    });
  }
}

test("all modules that start the page are asked for at once, not one level of imports after another", async (t) => {
  const own = await serve();
  const page = await browser.context.newPage();
  t.after(async () => {
    await page.close();
    await own.close();
  });
  // main.js never comes; these are up to three levels of imports below it.
  await page.route("**/main.js", () => {});
  await page.goto(own.url, { waitUntil: "commit" });
  const deep = ["/app.js", "/engine/client.js", "/engine/scripts.js"];
  for (let waited = 0; !deep.every((path) => own.requests.includes(path)); waited += 50) {
    assert(waited < 10_000, `only ${own.requests.join(", ")}`);
    await page.waitForTimeout(50);
  }
});

test("one click on the sample gives a result", async () => {
  const { page } = await open();
  await page.getByRole("button", { name: "Try the sample" }).click();
  await page.getByText("verified bit for bit: 36 tensors").waitFor();
  assert.equal(await page.locator(".big-value").innerText(), "1.459×");
  assert.match(await page.locator(".runs").innerText(), /prompt_128[\s\S]*9 layers[\s\S]*3 KV heads × 64[\s\S]*81 captures/);
  await page.close();
});

test("the keyboard goes all the way", async () => {
  const { page } = await open();
  await choose(page, SAMPLE);
  await page.keyboard.press("2");
  assert.equal(await page.getByRole("tab", { selected: true }).innerText(), "Block-norm");
  await page.keyboard.press("1");
  const slider = page.getByRole("slider");
  await slider.focus();
  assert.equal(await slider.getAttribute("aria-valuetext"), "2 of 9 layers lossless");
  await page.keyboard.press("ArrowRight");
  assert.equal(await slider.getAttribute("aria-valuetext"), "3 of 9 layers lossless");
  await page.keyboard.press("ArrowRight");
  // The fourth layer of the sample is number 8: layers below 9 are lossless.
  assert.equal(await field(page, "Lossless layers").inputValue(), "9");
  await page.keyboard.press("End");
  assert.equal(await slider.getAttribute("aria-valuetext"), "9 of 9 layers lossless");
  await page.keyboard.press("Home");
  assert.equal(await slider.getAttribute("aria-valuetext"), "0 of 9 layers lossless");
  await page.keyboard.press("Enter");
  await page.locator(".run-rows li").first().waitFor();
  assert.match(await page.locator(".run-rows").innerText(), /Lossless layers 0/);
  await page.close();
});

test("the split follows the mouse", async () => {
  const { page } = await open();
  await choose(page, SAMPLE);
  const box = await page.locator(".cells").boundingBox();
  assert(box);
  await page.mouse.move(box.x + (box.width * 2) / 9, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + (box.width * 5.2) / 9, box.y + box.height / 2, { steps: 4 });
  await page.mouse.up();
  assert.equal(await page.getByRole("slider").getAttribute("aria-valuenow"), "5");
  assert.match(page.url(), /lossless-first-n=15/);
  await page.close();
});

test("a wrong value is named while typing, and nothing runs with it", async () => {
  const { page } = await open();
  await choose(page, SAMPLE);
  const bits = field(page, "Mantissa bits");
  await bits.fill("24");
  await page.getByText("Mantissa bits: “24” is not a whole number from 0 to 23.").waitFor();
  assert.equal(await bits.getAttribute("aria-invalid"), "true");
  assert(await page.locator("#run").isDisabled());
  await bits.fill("5");
  await page.locator("#run:enabled").waitFor();
  await page.getByRole("button", { name: "Mantissa bits: back to the default" }).click();
  assert.equal(await bits.inputValue(), "6");
  await page.getByRole("tab", { name: "Explore" }).click();
  // Each for K is tried with each for V.
  await field(page, "Steps").fill(Array.from({ length: 101 }, (_, i) => (i + 1) / 1000).join());
  await page.getByText("Steps: “101 steps” is not a list of at most 100").waitFor();
  assert(await page.locator("#run").isDisabled());
  await page.close();
});

test("a copied link opens with the same settings and gives the same report; the command names them too", async () => {
  const { page } = await open();
  await choose(page, SAMPLE);
  await page.getByText("Quantize", { exact: true }).click();
  await field(page, "Bits").fill("7");
  await page.getByRole("radiogroup", { name: "Stage" }).getByText("Prefill").click();
  await field(page, "zstd level").fill("-3");
  await page.getByRole("button", { name: "Copy link" }).click();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  await page.getByRole("button", { name: "Copy command" }).click();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(
    command,
    "kvlens mixed --dump-dir dumps --out-dir report --lossy-method quant --lossy-bits 7 --stage prefill --zstd-level=-3 --verify",
  );
  await runToEnd(page);
  const other = await browser.context.newPage();
  await other.goto(link);
  await other.getByRole("tab", { name: "Mixed" }).waitFor();
  assert.equal(await field(other, "Bits").inputValue(), "7");
  await choose(other, SAMPLE);
  await runToEnd(other);
  assert.equal(await other.locator(".headline").innerText(), await page.locator(".headline").innerText());
  await page.close();
  await other.close();
});

test("a copied command names what was taken in, and the runs that stay", async () => {
  const { page } = await open();
  const command = async () => {
    await page.getByRole("button", { name: "Copy command" }).click();
    return page.evaluate(() => navigator.clipboard.readText());
  };
  await page.locator("#try-sample").click();
  await page.locator(".runs li").waitFor();
  assert.match(await command(), /^kvlens mixed --dump-dir sample\.zip --out-dir/);
  await page.setInputFiles("#choose-files", join(ROOT, "tests/data/cases/torch-2.15/two_runs.pt"));
  await page.locator(".runs li").nth(2).waitFor();
  assert.match(await command(), /^kvlens mixed sample\.zip two_runs\.pt --out-dir/);
  await page.getByRole("button", { name: "Remove b", exact: true }).click();
  await page.getByRole("button", { name: "Take b in again" }).waitFor();
  const text = await command();
  assert.match(text, /^kvlens mixed sample\.zip two_runs\.pt --run=a --run=prompt_128 --out-dir/);
  await page.close();
});

test("a dropped file is taken in, and a run can be removed", async () => {
  const { page } = await open();
  await page.evaluate(async () => {
    const bytes = await (await fetch("sample.zip")).arrayBuffer();
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], "mine.zip"));
    document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: transfer }));
  });
  await page.locator(".runs li").waitFor();
  assert.match(await page.locator(".runs").innerText(), /81 captures/);
  await page.getByRole("button", { name: /^Remove/ }).click();
  await page.getByText("Drop a KV dump here").waitFor();
  assert(await page.locator("#run").isDisabled());
  await page.close();
});

test("values that are not finite are counted, and loose files are a dump", async () => {
  const { page } = await open();
  const meta = {
    layer_id: 5,
    seq_len: 1,
    kv_heads: 1,
    head_dim: 2,
    bytes_per_elem: 2,
    dtype: "fp16",
    stage: "decode",
    k_file: "k.bin",
    v_file: "v.bin",
  };
  // 1 and NaN; 1 and 2.
  const bytes = { "k.bin": [0, 0x3c, 0, 0x7e], "v.bin": [0, 0x3c, 0, 0x40] };
  const files = Object.entries(bytes).map(([name, content]) => ({ name, mimeType: "", buffer: Buffer.from(content) }));
  await page.setInputFiles("#choose-files", [{ name: "meta_0.json", mimeType: "", buffer: Buffer.from(JSON.stringify(meta)) }, ...files]);
  await page.locator(".runs li").waitFor();
  await runToEnd(page);
  const told = page.getByText("1 value not finite (NaN or infinite) in 1 tensor");
  assert.equal(await told.getAttribute("title"), "layer 5, decode, K: 1");
  assert.match(await page.getByRole("table", { name: "Headline figures of K and V" }).innerText(), /NaN/);
  await page.close();
});

test("columns sort, down and up", async () => {
  const { page } = await open();
  await choose(page, SAMPLE);
  await runToEnd(page);
  const table = page.getByRole("region", { name: "Figures of each layer" });
  const column = async () => (await table.locator("tbody td:nth-child(6)").allInnerTexts()).map(Number);
  await table.getByRole("button", { name: "K ratio" }).click();
  const down = await column();
  assert.deepEqual(
    down,
    [...down].sort((a, b) => b - a),
  );
  assert.equal(await table.getByRole("columnheader", { name: "K ratio" }).getAttribute("aria-sort"), "descending");
  await table.getByRole("button", { name: "K ratio" }).click();
  assert.deepEqual(await column(), down.reverse());
  await page.close();
});

test("reports download under their names, and all of them in one zip", async () => {
  const { page } = await open();
  await choose(page, SAMPLE);
  await runToEnd(page);
  const [single] = await Promise.all([page.waitForEvent("download"), page.locator("[data-file='mixed_summary.md']").click()]);
  assert.equal(single.suggestedFilename(), "mixed_summary.md");
  const golden = await readFile(join(ROOT, "tests/data/golden/mixed-default/mixed_summary.md"), "utf8");
  assert.equal(await readFile(await single.path(), "utf8"), golden);
  const [all] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download all (.zip)" }).click()]);
  assert.equal(all.suggestedFilename(), "kvlens-mixed.zip");
  const zip = await readFile(await all.path(), "latin1");
  for (const name of ["mixed_layer_metrics.csv", "lossy_error_metrics.csv", "mixed_summary.md"]) assert(zip.includes(name), name);
  // Entries are stored as they are.
  assert(zip.includes(Buffer.from(golden).toString("latin1")));
  await page.close();
});

test("two runs stand side by side, and earlier ones come back", async () => {
  const { page } = await open();
  await choose(page, SAMPLE);
  await runToEnd(page);
  await page.getByText("Quantize", { exact: true }).click();
  await runToEnd(page);
  await page.getByRole("button", { name: "Compare", exact: true }).first().click();
  const figures = page.getByRole("region", { name: "Figures" });
  assert.match(await figures.innerText(), /KV ratio\s+1\.459×/);
  assert.match(await page.getByRole("region", { name: "Settings that differ" }).innerText(), /Method\s+truncate\s+quant/);
  await page.getByRole("button", { name: "#1 mixed", exact: true }).click();
  assert.equal(await page.locator(".big-value").innerText(), "1.459×");
  await page.close();
});

test("nothing moves while a run goes on", async () => {
  const { page } = await open();
  await choose(page, SAMPLE);
  await runToEnd(page);
  const places = () =>
    page.evaluate(() =>
      ["#run", ".headline", ".table-scroll", ".run-list"].map((name) => document.querySelector(name)?.getBoundingClientRect().top),
    );
  const before = await places();
  await page.evaluate(() => /** @type {HTMLElement} */ (document.querySelector("#run")).click());
  await page.locator(".shown.stale").waitFor();
  assert.deepEqual(await places(), before);
  await page.locator("#run", { hasText: "Run" }).waitFor();
  await page.close();
});

test("Escape cancels, keeps what was measured, and the next run works", async () => {
  const { page } = await open();
  await choose(page, SAMPLE);
  await page.keyboard.press("3");
  await field(page, "zstd level").fill("22");
  await page.locator("#run:enabled").click();
  await page.waitForFunction(
    () => Number(/** @type {HTMLProgressElement | null} */ (document.querySelector(".run-bar progress"))?.value) >= 10 / 63,
  );
  await page.keyboard.press("Escape");
  await page.locator("#run", { hasText: "Run" }).waitFor();
  await page.getByText(/^Cancelled after \d+ of 63 captures/).waitFor();
  // Each combination has its figures, of the captures that were measured.
  const combinations = page.getByRole("region", { name: "Figures of each variant" });
  await combinations.waitFor();
  assert.match(await combinations.locator("tbody tr").first().innerText(), /\d\.\d{3}/);
  await field(page, "zstd level").fill("1");
  await page.getByRole("tab", { name: "Mixed" }).click();
  await runToEnd(page);
  assert.match(await page.locator(".run-rows").innerText(), /#2 mixed[\s\S]*#1 sweep[\s\S]*cancelled, \d+ of 63/);
  await page.close();
});

test("the theme is remembered", async () => {
  const { page } = await open();
  await page.emulateMedia({ colorScheme: "light" });
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await page.getByRole("button", { name: "Dark" }).click();
  const dark = await paper();
  assert.notEqual(dark, light);
  await page.reload();
  assert.equal(await paper(), dark);
  await page.getByRole("button", { name: "Light" }).click();
  await page.close();
});
