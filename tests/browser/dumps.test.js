// Dumps as people have them: converted on the page and read again, arrays that have to be explained, and a dump beside the page.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./chromium.js";
import { SAMPLE } from "./engine.js";
import { ROOT, serve } from "./server.js";

/** @import { Page } from "playwright-core" */

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let host;
/** @type {string} */
let folder;
before(async () => {
  host = await serve();
  browser = await launch({ acceptDownloads: true });
  folder = await mkdtemp(join(tmpdir(), "kvlens-dumps-"));
});
after(async () => {
  await browser.close();
  await host.close();
  await rm(folder, { recursive: true });
});

/** @param {string} [hash] */
async function open(hash = "") {
  const page = await browser.context.newPage();
  await page.goto(host.url + hash);
  await page.getByRole("tab", { name: "Mixed" }).waitFor();
  return page;
}

/** Runs and gives a report. @param {Page} page @param {string} name */
async function report(page, name) {
  await page.locator("#run:enabled").click();
  const button = page.locator(`[data-file='${name}']`);
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  return readFile(await download.path(), "utf8");
}

for (const format of ["zip", "safetensors"]) {
  test(`the sample as .${format} gives the same report`, async () => {
    const page = await open();
    await page.setInputFiles("#choose-folder", SAMPLE);
    await page.getByText("Convert, or cut a sample out to share").click();
    await page.getByLabel("Format").selectOption(format);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Convert and download" }).click(),
    ]);
    assert.equal(download.suggestedFilename(), `prompt_128.${format}`);
    const file = join(folder, download.suggestedFilename());
    await download.saveAs(file);
    await page.close();

    const other = await open();
    await other.setInputFiles("#choose-files", file);
    const golden = await readFile(join(ROOT, "tests/data/golden/mixed-default/mixed_layer_metrics.csv"), "utf8");
    assert.equal(await report(other, "mixed_layer_metrics.csv"), golden);
    await other.close();
  });
}

test("values that the new type has no room for are told, and not where there are none", async () => {
  const dump = join(folder, "wide");
  await mkdir(dump, { recursive: true });
  const about = { layer_id: 0, seq_len: 2, kv_heads: 1, head_dim: 2, bytes_per_elem: 4, dtype: "fp32", stage: "prefill", run_id: "wide" };
  await writeFile(join(dump, "meta_t0.json"), JSON.stringify({ ...about, k_file: "k.bin", v_file: "v.bin" }));
  for (const name of ["k.bin", "v.bin"]) await writeFile(join(dump, name), new Uint8Array(new Float32Array([1, 7e4, 2, -3]).buffer));
  const page = await open();
  await page.setInputFiles("#choose-folder", dump);
  await page.getByText("Convert, or cut a sample out to share").click();
  const status = page.locator(".converting [role=status]");
  /** @param {string} type */
  const told = async (type) => {
    await page.getByRole("combobox", { name: "Element type" }).selectOption(type);
    await page.getByRole("button", { name: "Convert and download" }).click();
    await status.getByText("Written: wide.zip").waitFor();
    return status.innerText();
  };
  assert.match(await told("fp16"), /2 values too large for fp16 became infinite; bf16 has room for them\.$/);
  assert.doesNotMatch(await told("bf16"), /too large/);
  await page.close();
});

/** A dump of 200 MB that takes a while to write. */
async function longDump() {
  const [tokens, layers] = [8192, 12];
  const dump = join(folder, "long");
  const values = randomBytes(tokens * 8 * 64 * 2);
  // Without the exponent's highest bit all are finite.
  for (let at = 1; at < values.length; at += 2) values[at] &= 0xbf;
  for (let layer_id = 0; layer_id < layers; layer_id++) {
    const place = join(dump, `layer_${layer_id}`);
    await mkdir(place, { recursive: true });
    const shape = { layer_id, seq_len: tokens, kv_heads: 8, head_dim: 64, bytes_per_elem: 2, dtype: "fp16", stage: "prefill" };
    await writeFile(join(place, "meta_t0.json"), JSON.stringify({ ...shape, run_id: "long", k_file: "k.bin", v_file: "v.bin" }));
    for (const name of ["k.bin", "v.bin"]) await writeFile(join(place, name), values);
  }
  return { dump, bytes: 2 * layers * values.length };
}

test("while a file is written settings may move, a run waits, and what was being looked at is looked at after", async () => {
  const { dump } = await longDump();
  const page = await open();
  await page.setInputFiles("#choose-folder", dump);
  await page.locator("#run:enabled").waitFor();
  await page.getByText("Convert, or cut a sample out to share").click();
  const status = page.locator(".converting [role=status]");
  await page.getByRole("button", { name: "Convert and download" }).click();
  await page.getByText("A file is being written: run when it is done.").waitFor();
  assert(await page.locator("#run").isDisabled());
  for (const bits of ["5", "4", "3"]) await page.getByRole("textbox", { name: "Mantissa bits" }).fill(bits);
  await status.getByText("Written: long.zip").waitFor();
  await page.locator("#run:enabled").waitFor();
  await page.locator(".glimpse strong").waitFor();
  await page.close();
});

test("the writing of a file tells how far it is, and is cancelled in the middle", async () => {
  const { dump, bytes } = await longDump();
  const page = await open();
  /** @type {string[]} */
  const saved = [];
  page.on("download", (download) => saved.push(download.suggestedFilename()));
  await page.setInputFiles("#choose-folder", dump);
  await page.getByText("Convert, or cut a sample out to share").click();
  const worker = page.workers().find((each) => each.url().includes("coordinator"));
  assert(worker);
  const ended = worker.evaluate(
    () =>
      new Promise((resolve) => {
        const post = self.postMessage.bind(self);
        Object.assign(self, {
          postMessage: (/** @type {any} */ message, /** @type {Transferable[]} */ transfer = []) => {
            if (message.error || message.result?.blob) resolve(message.error?.code ?? "written");
            post(message, { transfer });
          },
        });
      }),
  );
  const seen = page.evaluate(
    () =>
      new Promise((resolve) => {
        const panel = /** @type {HTMLElement} */ (document.querySelector(".converting"));
        const bar = /** @type {HTMLProgressElement} */ (panel.querySelector("progress"));
        const watcher = new MutationObserver(() => {
          const text = panel.querySelector(".buttons .muted")?.textContent ?? "";
          if (!text || bar.value < 1e7 || bar.value === bar.max) return;
          watcher.disconnect();
          const cancel = /** @type {HTMLButtonElement} */ (document.activeElement);
          resolve({ text, value: bar.value, max: bar.max, button: cancel.textContent });
          cancel.click();
        });
        watcher.observe(panel, { subtree: true, childList: true, attributes: true });
      }),
  );
  const go = page.getByRole("button", { name: "Convert and download" });
  const status = page.locator(".converting [role=status]");
  await go.click();
  const { text, value, max, button } = /** @type {any} */ (await seen);
  assert.equal(button, "Cancel");
  assert.equal(max, bytes);
  assert.equal(text, `${(value / 1e6).toFixed(value < 1e8 ? 1 : 0)} MB of ${Math.round(max / 1e6)} MB`);
  await status.getByText("Cancelled: no file was written.").waitFor();
  assert.equal(await ended, "cancelled", "the worker has stopped, too");
  assert.deepEqual(saved, []);
  assert(await go.evaluate((go) => go === document.activeElement));
  const [download] = await Promise.all([page.waitForEvent("download"), go.click()]);
  assert.equal(download.suggestedFilename(), "long.zip");
  await status.getByText(`Written: long.zip, ${Math.round(max / 1e6)} MB.`).waitFor();
  await page.close();
});

test("a file whose writing is cancelled before it began is not written", async () => {
  const page = await open();
  /** @type {string[]} */
  const saved = [];
  page.on("download", (download) => saved.push(download.suggestedFilename()));
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.locator(".runs li").waitFor();
  await page.getByText("Convert, or cut a sample out to share").click();
  await page.locator(".converting button:enabled").first().waitFor();
  await page.evaluate(() => {
    const buttons = [.../** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll(".converting button"))];
    for (const text of ["Convert and download", "Cancel"]) buttons.find((each) => each.textContent === text)?.click();
  });
  await page.locator(".converting [role=status]", { hasText: /Cancelled|Written/ }).waitFor();
  assert.equal(await page.locator(".converting [role=status]").innerText(), "Cancelled: no file was written.");
  assert.deepEqual(saved, []);
  await page.close();
});

test("arrays whose names can't be told are asked about, and the answer is kept in the link", async () => {
  const page = await open();
  await page.setInputFiles("#choose-files", join(ROOT, "tests/data/formats/no_names.npz"));
  await page.getByText("6 arrays in no_names.npz: names or axes can’t be told.").waitFor();
  assert(await page.locator("#run").isDisabled());
  await page.getByRole("textbox", { name: "Names" }).fill("arr{layer}{what}x");
  await page.getByRole("button", { name: "Read them like this" }).click();
  await page.locator("#dump").getByRole("alert").getByText("{what}").waitFor();
  await page.getByRole("textbox", { name: "Names" }).fill("arr{layer}{kv}x");
  await page.getByRole("button", { name: "Read them like this" }).click();
  await page.locator(".runs li").waitFor();
  assert.match(await page.locator(".runs").innerText(), /3 layers/);
  const link = new URL(page.url());
  await page.close();

  const other = await open(link.hash);
  await other.setInputFiles("#choose-files", join(ROOT, "tests/data/formats/no_names.npz"));
  await other.locator(".runs li").waitFor();
  await other.close();
});

test("of two dumps with the same names of files both are kept, each under a name of its own", async () => {
  const layer = join("dumps", "prompt_128", "layer_0");
  await cp(join(SAMPLE, "prompt_128", "layer_0"), join(folder, "other", layer), { recursive: true });
  for (const name of await readdir(join(folder, "other", layer))) await utimes(join(folder, "other", layer, name), 1, 1);
  const page = await open();
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.locator(".runs li").waitFor();
  await page.setInputFiles("#choose-folder", join(folder, "other", "dumps"));
  await page.locator(".runs li").nth(1).waitFor();
  const [one, two] = (await page.locator(".runs li").allInnerTexts()).sort((a, b) => Number(a.includes("(2)")) - Number(b.includes("(2)")));
  assert.match(one, /^[^(]*prompt_128\n[\s\S]*81 captures/);
  assert.match(two, /^dumps \(2\)\/prompt_128\n[\s\S]*9 captures/);
  // The same dump once more is no other one.
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.locator(".drop[aria-busy]").waitFor({ state: "detached" });
  assert.equal(await page.locator(".runs li").count(), 2);
  await page.close();
});

test("two dumps with the same names of files that come one right after the other are both kept, too", async () => {
  const page = await open();
  await page.evaluate(() => {
    const give = (/** @type {number} */ lastModified) => {
      const files = new DataTransfer();
      for (const name of ["meta_t0.json", "k.bin", "v.bin"]) {
        const shape = { layer_id: 0, seq_len: 1, kv_heads: 1, head_dim: 2, bytes_per_elem: 2, dtype: "fp16", stage: "prefill" };
        const text = name.endsWith("json") ? JSON.stringify({ ...shape, k_file: "k.bin", v_file: "v.bin" }) : "1234";
        files.items.add(new File([text], name, { lastModified }));
      }
      const input = /** @type {HTMLInputElement} */ (document.getElementById("choose-files"));
      input.files = files.files;
      input.dispatchEvent(new Event("change"));
    };
    give(1);
    give(2);
  });
  await page.locator(".drop[aria-busy]").waitFor({ state: "detached" });
  assert.equal(await page.locator(".runs li").count(), 2);
  await page.close();
});

test("a link opens the dump that lies beside the page, and none from elsewhere", async () => {
  const page = await open("#dump=sample.zip&lossless-first-n=1");
  await page.locator(".runs li").waitFor();
  assert.match(await page.locator(".runs").innerText(), /81 captures/);
  assert.match(page.url(), /dump=sample\.zip/);
  await page.close();

  const away = await open("#dump=https://example.com/dump.zip");
  await away.getByText("The link names a dump on another site (https://example.com).").waitFor();
  await away.close();
});

test("a copied link names the sample as long as nothing else is in the dump", async () => {
  const page = await open();
  await page.locator("#try-sample").click();
  await page.locator("#run:enabled", { hasText: "Run" }).waitFor();
  const named = (/** @type {boolean} */ wanted) =>
    page.waitForFunction((wanted) => location.hash.includes("dump=sample.zip") === wanted, wanted, { timeout: 5000 });
  await named(true);
  await page.setInputFiles("#choose-folder", join(ROOT, "tests/data/edge-dump"));
  await page.getByRole("button", { name: "Remove odd_shape" }).waitFor();
  await named(false);
  // Back through the settings brings no second dump back, nor the first one's name alone.
  await page.goBack();
  await named(false);
  const others = page.getByRole("button", { name: /^Remove (?!prompt_128$)/ });
  for (let left = await others.count(); left > 0; left--) {
    await others.first().click();
    await page.waitForFunction((left) => document.querySelectorAll(".runs li").length === left, left);
  }
  await named(true);
  await page.getByRole("button", { name: "Take odd_shape in again" }).click();
  await named(false);
  await page.close();
});

test("the sample is taken in once, however often it is asked for", async () => {
  const page = await open();
  let fetched = 0;
  page.on("request", (request) => (fetched += Number(request.url().endsWith("sample.zip") && request.method() === "GET")));
  await page.evaluate(() => {
    const button = /** @type {HTMLButtonElement} */ (document.querySelector("#try-sample"));
    for (let i = 0; i < 2; i++) button.click();
  });
  await page.locator(".run-rows li").first().waitFor();
  assert.equal(fetched, 1);
  // Nor does the same file of the host pass for another dump.
  await page.evaluate(async () => {
    const { sampleFiles } = await import(/** @type {string} */ (`${location.origin}/sample.js`));
    const [one] = await sampleFiles();
    const later = await sampleFiles();
    const { apart } = await import(/** @type {string} */ (`${location.origin}/files.js`));
    if (apart(later, new Map([[one.path, one]])) !== later) throw new Error("another dump");
  });
  await page.close();
});

test("the start and the end of reading are said, and the drop zone is busy in between", async () => {
  const page = await open();
  await page.evaluate(() => {
    const [zone, said] = ["", " [role=status]"].map((inner) => /** @type {Element} */ (document.querySelector(`.drop${inner}`)));
    const told = /** @type {string[]} */ ([]);
    Object.assign(window, { told });
    new MutationObserver((changes) => {
      for (const { oldValue } of changes) if (oldValue !== null) told.push(`busy ${oldValue}`);
    }).observe(zone, { attributeFilter: ["aria-busy"], attributeOldValue: true });
    new MutationObserver((changes) => {
      for (const { addedNodes } of changes) for (const node of addedNodes) told.push(node.textContent ?? "");
    }).observe(said, { childList: true });
  });
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.locator(".drop [role=status]", { hasText: "The dump has 81 captures now." }).waitFor();
  /** @type {string[]} */
  const told = await page.evaluate("told");
  for (const one of ["Reading files …", "The dump has 81 captures now.", "busy true"]) assert(told.includes(one), told.join());
  await page.close();
});

test("Enter in a form beside the analysis is that form's", async () => {
  const page = await open();
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.getByText("Convert, or cut a sample out to share").click();
  await page.locator(".converting").getByLabel("Layers").fill("0");
  const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
  assert.equal(download.suggestedFilename(), "prompt_128.zip");
  assert.equal(await page.locator(".run-rows li").count(), 0);
  await page.close();
});

test("a large dump beside the page is asked about before it is fetched", async () => {
  const page = await browser.context.newPage();
  /** @type {string[]} */
  const asked = [];
  await page.route("**/large.zip", (route) => {
    asked.push(route.request().method());
    return route.request().method() === "HEAD"
      ? route.fulfill({ headers: { "content-length": "312000000" } })
      : route.fulfill({ status: 404 });
  });
  await page.goto(`${host.url}#dump=large.zip`);
  await page.getByText("The link names a dump of 312 MB: /large.zip").waitFor();
  assert.deepEqual(asked, ["HEAD"]);
  await page.getByRole("button", { name: "Open it" }).click();
  await page.getByText("/large.zip could not be fetched: the host answers 404.").waitFor();
  await page.close();
});

test("a dump that the link names can be opened beside files that the reader added first, and is no more offered once the link is another", async () => {
  const page = await browser.context.newPage();
  await page.route("**/large.zip", (route) =>
    route.request().method() === "HEAD" ? route.fulfill({ headers: { "content-length": "312000000" } }) : route.fulfill({ status: 404 }),
  );
  await page.goto(`${host.url}#dump=large.zip`);
  const open = page.getByRole("button", { name: "Open it" });
  await open.waitFor();
  await page.evaluate(() => (location.hash = "#verify=no"));
  await open.waitFor({ state: "detached" });
  await page.goBack();
  await open.waitFor();
  await page.setInputFiles("#choose-folder", SAMPLE);
  await page.locator(".runs li").waitFor();
  await open.click();
  await page.getByText("/large.zip could not be fetched: the host answers 404.").waitFor();
  await page.close();
});

test("the pictures of several runs are of one at a time, each with its own heads and scale", async () => {
  const page = await open();
  await page.setInputFiles("#choose-folder", join(ROOT, "tests/data/edge-dump"));
  await page.locator("details.pictures > summary").click();
  const chart = page.locator('[data-chart="channel-magnitude"]');
  await chart.locator("svg.kv-sheet").waitFor();
  /** @param {string} run */
  const of = async (run) => {
    await chart.getByRole("combobox", { name: "Run" }).selectOption(run);
    return chart.locator("svg.kv-sheet").first().innerHTML();
  };
  assert.match(await of("odd_shape"), /Head, 80 channels each/);
  const single = await of("single");
  assert.match(single, /Head, 96 channels each/);
  assert.match(single, /V: 0\.303 to 4\.72/, "the scale is that of its own values, though another run has thousands");
  const layers = await page.locator('[data-chart="values"]').getByRole("combobox", { name: "Layer" }).locator("option").allInnerTexts();
  assert(layers.includes("values, 6") && layers.includes("order, 10"), layers.join());
  await page.close();
});
