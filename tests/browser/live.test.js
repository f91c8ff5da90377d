// Before and after Run: the estimate that follows the settings, what a run will go through, a table of very many combinations, settings
// taken from a chart, and what is called the smallest.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SAMPLE } from "./engine.js";
import { runToEnd } from "./page.js";
import { visit } from "./visit.js";

/** @import { Page } from "playwright-core" */

const site = visit({ viewport: { width: 1280, height: 800 } });

/** With the sample's captures. @param {string} [hash] */
async function open(hash = "") {
  const page = await site.open(hash);
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.locator("#run:enabled").waitFor();
  return page;
}

/** The estimate once it is another than `before`. @param {Page} page @param {string} before */
async function estimate(page, before = "") {
  const line = page.locator(".estimate");
  await page.waitForFunction((before) => {
    const text = document.querySelector(".estimate")?.textContent ?? "";
    return /^~ KV \d/.test(text) && text !== before;
  }, before);
  return line.innerText();
}

test("an estimate stands there before any run, follows split, bits and method, and comes to what Run gives", async () => {
  const page = await open();
  const first = await estimate(page);
  assert.match(first, /from all 81 captures\. Run adds verification and the report files\.$/);
  assert.equal(await page.locator(".run-rows li").count(), 0);
  await page.getByRole("slider").focus();
  await page.keyboard.press("ArrowRight");
  const split = await estimate(page, first);
  await page.getByRole("textbox", { name: "Mantissa bits" }).fill("3");
  const bits = await estimate(page, split);
  await page.getByText("Quantize", { exact: true }).click();
  const method = await estimate(page, bits);
  const ratios = [first, split, bits, method].map((text) => Number(/KV ([\d.]+)×/.exec(text)?.[1]));
  assert(ratios[1] < ratios[0] && ratios[2] > ratios[1] && ratios[3] !== ratios[2], `${ratios}`);
  // Settings that nothing can be measured with have none, not that of the last ones.
  const longest = page.getByRole("textbox", { name: "Longest capture" });
  await longest.fill("x");
  await page.waitForFunction(() => document.querySelector(".estimate")?.textContent?.trim() === "");
  await longest.fill("0");
  await estimate(page);
  await runToEnd(page);
  assert.equal(await page.locator(".big-value").innerText(), `${ratios[3].toFixed(3)}×`);
  await page.close();
});

/** 16-bit numbers between 1/8 and 1/4 of random mantissas, of which `bits` bits are not zero. @param {number} count @param {number} bits */
const numbers = (count, bits) =>
  new Uint16Array(randomBytes(2 * count).buffer.slice(0, 2 * count)).map(
    (random) => 0x3000 | (((random & 0x3ff) >> (10 - bits)) << (10 - bits)),
  );

test("the estimate of a large dump weighs long and short captures as a run does, at once from a part and then from more", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kvlens-large-"));
  const [heads, dim, layers] = [8, 128, 3];
  for (let layer_id = 0; layer_id < layers; layer_id++) {
    const place = join(folder, "large", `layer_${layer_id}`);
    await mkdir(place, { recursive: true });
    // The long one compresses well, and the short ones, which are most, do not.
    for (let step = 0; step < 40; step++) {
      const [seq_start, seq_len, bits] = step === 0 ? [0, 2048, 1] : [2047 + step, 1, 10];
      const shape = { layer_id, seq_start, seq_len, kv_heads: heads, head_dim: dim, bytes_per_elem: 2, dtype: "fp16", stage: "prefill" };
      const names = { k_file: `k${step}.bin`, v_file: `v${step}.bin` };
      await writeFile(join(place, `meta_t${step}.json`), JSON.stringify({ ...shape, run_id: "large", ...names }));
      for (const name of Object.values(names)) await writeFile(join(place, name), numbers(seq_len * heads * dim, bits));
    }
  }
  const page = await site.open("#analysis=mixed&lossless-first-n=0&lossy-mantissa-bits=10");
  await page.evaluate(() => {
    /** @type {string[]} */
    const said = [];
    Object.assign(window, { said });
    const line = /** @type {HTMLElement} */ (document.querySelector(".estimate"));
    new MutationObserver(() => void said.push(line.textContent ?? "")).observe(line, {
      childList: true,
      characterData: true,
      subtree: true,
    });
  });
  await page.setInputFiles("#choose-folder", join(folder, "large"));
  await page.getByText(/from all 120 captures/).waitFor();
  const first = (await page.evaluate(() => /** @type {any} */ (window).said)).find((/** @type {string} */ text) => text.startsWith("~ KV"));
  assert.match(first, /from \d\.\d+ MB of 25\.\d MB\. Run adds the rest, verification and the report files\.$/);
  await runToEnd(page);
  const [guess, truth] = [first, await page.locator(".big-value").innerText()].map((text) => Number(/([\d.]+)×/.exec(text)?.[1]));
  assert(Math.abs(guess / truth - 1) < 0.05, `${guess} for ${truth}`);
  await page.close();
  await rm(folder, { recursive: true });
});

test("what is moved while explore looks at the first layers is estimated before that is done", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kvlens-live-"));
  const [tokens, layers] = [2048, 4];
  // Numbers between 1/8 and 1/4, of random mantissas.
  const values = new Uint16Array(randomBytes(tokens * 3 * 64 * 2).buffer.slice(0, tokens * 3 * 64 * 2)).map(
    (bits) => 0x3000 | (bits & 0x3ff),
  );
  for (let layer_id = 0; layer_id < layers; layer_id++) {
    const place = join(folder, "long", `layer_${layer_id}`);
    await mkdir(place, { recursive: true });
    const shape = { layer_id, seq_len: tokens, kv_heads: 3, head_dim: 64, bytes_per_elem: 2, dtype: "fp16", stage: "prefill" };
    await writeFile(join(place, "meta_t0.json"), JSON.stringify({ ...shape, run_id: "long", k_file: "k.bin", v_file: "v.bin" }));
    for (const name of ["k.bin", "v.bin"]) await writeFile(join(place, name), values);
  }
  const page = await site.open();
  await page.setInputFiles("#choose-folder", join(folder, "long"));
  await estimate(page);
  await page.waitForTimeout(300);
  const glimpse = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const line = /** @type {HTMLElement} */ (document.querySelector(".estimate"));
        const before = line.textContent;
        new MutationObserver(() => {
          if (!/^~ KV/.test(line.textContent ?? "") || line.textContent === before) return;
          resolve(document.querySelector(".glimpse")?.textContent);
        }).observe(line, { childList: true, characterData: true, subtree: true });
        const input = /** @type {HTMLInputElement} */ (document.querySelector('[data-flag="lossy-mantissa-bits"] input'));
        input.value = "2";
        input.dispatchEvent(new Event("input", { bubbles: true }));
      }),
  );
  assert.match(String(glimpse), /^Estimating how small it can get/);
  // It is looked at all the same, afterwards.
  await page.getByText(/^131,072 tokens: \d+\s[MG]B now/).waitFor();
  await page.close();
  await rm(folder, { recursive: true });
});

test("while a run goes before the look at the first layers, nothing says that they are looked at", async () => {
  const bits = Array.from({ length: 23 }, (_, i) => i + 2).join();
  const page = await site.open(
    `#analysis=sweep&block-sizes=8,16,24,32,40,48,56,64&topk-ratios=.01,.02,.05,.1,.2,.3,.4,.5&bits-list=${bits}`,
  );
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.locator("#run:enabled", { hasText: "Run" }).click();
  await page.getByText(/\d \/ 63 captures/).waitFor();
  assert.match((await page.locator(".glimpse").textContent()) ?? "", /^How small can it get\?/);
  await page.locator("#run:enabled", { hasText: "Cancel" }).click();
  await page.getByText(/^131,072 tokens: \d+\s[MG]B now/).waitFor();
  await page.close();
});

test("where no layer can be looked at, nothing pretends that it still is", async () => {
  const page = await site.newPage();
  // Enough to start with and for an estimate, not for what explore does.
  await page.goto(`${site.url()}?memory=24&threads=2`);
  await page.getByRole("tab", { name: "Mixed" }).waitFor();
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.getByText("How small can it get?").waitFor();
  await page.close();
});

test("the plan counts combinations, and of a long table only the rows in sight are made, with one tab stop", async () => {
  const bits = Array.from({ length: 15 }, (_, i) => i + 2);
  const page = await open(
    `#analysis=sweep&stage=prefill&lossless-first-n=29&bits-list=${bits}&block-sizes=8,16,24,32,40,48,56,64&topk-ratios=0,0.125,0.25,0.375,0.5,0.625,0.75,0.875,1`,
  );
  await page.getByText("1,080 combinations × 1 capture").waitFor();
  await runToEnd(page);
  assert.match(await page.locator(".kv-best").innerText(), / of 1,080 combinations pass/);
  const table = page.getByRole("region", { name: "Figures of each variant" });
  const told = Number(await table.locator("table").getAttribute("aria-rowcount"));
  assert(told > 250, `${told} rows`);
  const made = () => table.locator("tbody tr").count();
  assert((await made()) < 120, `${await made()} rows made`);
  assert.equal(await table.locator("button:not([tabindex='-1']), [tabindex='0']").count(), 1);
  const [top] = await table.locator("tbody tr td").allInnerTexts();
  await table.evaluate((place) => (place.scrollTop = place.scrollHeight));
  await page.waitForFunction((top) => document.querySelector("[aria-rowcount] tbody td")?.textContent !== top, top);
  assert((await made()) < 120, `${await made()} rows made`);
  await page.close();
});

test("settings taken from the sweep's chart are shown where they went", async () => {
  const page = await open("#analysis=sweep&stage=prefill");
  await runToEnd(page);
  await page.locator(".kv-best").scrollIntoViewIfNeeded();
  await page.getByRole("button", { name: "Take these settings" }).click();
  const tab = page.getByRole("tab", { name: "Block-norm" });
  assert.equal(await tab.getAttribute("aria-selected"), "true");
  assert(await tab.evaluate((tab) => tab === document.activeElement));
  const field = page.locator('.field[data-flag="block-size"]');
  const box = await field.boundingBox();
  assert(box && box.y >= 0 && box.y + box.height <= 800, `the field lies at ${box?.y}`);
  assert(await field.evaluate((field) => field.classList.contains("taken")));
  assert.match((await page.locator("#announce").textContent()) ?? "", /^Block-norm has these settings: .*Block size \d+/);
  await page.close();
});

test("of several methods the smallest within an error is named, never the smallest alone", async () => {
  const page = await open("#analysis=lossy-compare&bits-list=2,4,8");
  await runToEnd(page);
  const said = await page.locator(".sentence").innerText();
  const cosines = [...said.matchAll(/cosine of ([\d.]+)/g)].map(([, cosine]) => Number(cosine.replace(/\.$/, "")));
  assert.equal(cosines.length, 2, said);
  assert(
    cosines.every((cosine) => cosine >= 0.999 && cosine <= 1),
    said,
  );
  await page.close();
});

test("the answer in one line has its room before it is known: what is below stays where it is", async () => {
  for (const width of [1280, 390]) {
    const page = await site.open();
    await page.setViewportSize({ width, height: 800 });
    await page.evaluate(() => {
      const tops = new Set();
      Object.assign(window, { tops });
      const look = () => {
        if (/** @type {HTMLElement} */ (document.querySelector(".glimpse")).offsetHeight > 0)
          tops.add(Math.round(/** @type {Element} */ (document.querySelector("#tab-mixed")).getBoundingClientRect().top + scrollY));
        requestAnimationFrame(look);
      };
      look();
    });
    await page.setInputFiles("#choose-folder", SAMPLE);
    await page.locator(".glimpse strong").waitFor();
    await page.waitForTimeout(100);
    const tops = await page.evaluate(() => [.../** @type {any} */ (window).tops]);
    assert.equal(tops.length, 1, `${width}: ${tops}`);
    await page.close();
  }
});

test("while nothing more is done a run's speed and what is left stay what they were", { timeout: 60_000 }, async () => {
  const page = await open("#zstd-level=22");
  await estimate(page);
  await page.locator(".glimpse strong").waitFor();
  const coordinator = page.workers().find((each) => each.url().includes("coordinator"));
  assert(coordinator);
  /** @type {Promise<import("playwright-core").Route>} */
  const held = new Promise((resolve) => void page.route("**/hold", resolve));
  await coordinator.evaluate(() => {
    const post = self.postMessage.bind(self);
    /** Number of the call. @type {number | undefined} */
    let run;
    self.addEventListener("message", ({ data: { id, method, args } }) => {
      // Estimates are runs, too, of a sample.
      if (method === "run" && !args.sample) run = id;
    });
    let isHeld = false;
    Object.assign(self, {
      postMessage: (/** @type {any} */ message, /** @type {any} */ transfer) => {
        post(message, transfer);
        const { id, progress } = message;
        if (isHeld || id !== run || !(progress?.bytes > 0) || progress.bytes === progress.bytesTotal) return;
        isHeld = true;
        // The same again a minute later.
        post({ ...message, rows: [], progress: { ...progress, elapsedMs: progress.elapsedMs + 60_000 } });
        const request = new XMLHttpRequest();
        request.open("GET", new URL("hold", location.origin), false);
        request.send();
      },
    });
  });
  await page.locator("#run").click();
  const route = await held;
  const said = page.locator(".run-bar .state-text", { hasText: "MB/s" });
  const [, speed] = /([\d.]+)\sMB\/s/.exec(await said.innerText()) ?? [];
  assert(Number(speed) >= 0.1, `${speed} MB/s`);
  await route.fulfill({ body: "" });
  await page.close();
});
