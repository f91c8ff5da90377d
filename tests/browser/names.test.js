// Folders are dropped with every name that a file system has: what Chromium's handles leave out is taken in, too.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./chromium.js";
import { drop } from "./page.js";
import { serve } from "./server.js";

/** Each is the name of a run's folder. */
const NAMES = [
  "plain",
  "2026-11-25T21:55:13",
  "what?",
  "star*",
  "a|b",
  "lt<gt>",
  'q"uote',
  "back\\slash",
  "new\nline",
  "esc\u001b[1m",
  "rtl\u202ex",
  " lead",
  "end ",
  "end.",
  "x.lnk",
  "x.local",
  "CON",
  "run~1",
  "#hash",
  "%41",
];
const META = { layer_id: 0, seq_len: 1, kv_heads: 1, head_dim: 2, bytes_per_elem: 2, dtype: "fp16", stage: "prefill" };

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let host;
/** @type {string} */
let folder;
before(async () => {
  host = await serve();
  browser = await launch();
  folder = await mkdtemp(join(tmpdir(), "kvlens-names-"));
  for (const name of NAMES) await writeRun(join(folder, "dump", name), { meta: "meta_0.json", k: "k.bin", v: "v.bin" });
  await writeRun(join(folder, "files"), { meta: "meta_21:55:13.json", k: "k?.bin", v: "v.bin " });
});
after(async () => {
  await browser.close();
  await host.close();
  await rm(folder, { recursive: true });
});

/** One capture. @param {string} at @param {{ meta: string, k: string, v: string }} names */
async function writeRun(at, { meta, k, v }) {
  await mkdir(at, { recursive: true });
  for (const file of [k, v]) await writeFile(join(at, file), new Uint8Array([0, 0x3c, 0, 0x40]));
  await writeFile(join(at, meta), JSON.stringify({ ...META, k_file: k, v_file: v }));
}

/** Drops, and gives what the page shows of the dump. @param {...string} paths */
async function dropped(...paths) {
  const page = await browser.context.newPage();
  await page.goto(host.url);
  await page.locator('.badge:text-matches("thread")').waitFor();
  await drop(page, ...paths);
  await page.locator("#run:enabled").waitFor();
  const runs = await page.locator(".runs li").count();
  const shown = await page.locator("body").innerText();
  const titles = await page.evaluate(() =>
    [...document.querySelectorAll("[title], [aria-label]")].map((at) => `${at.getAttribute("title")} ${at.getAttribute("aria-label")}`),
  );
  const alerts = await page.locator("#dump").getByRole("alert").allInnerTexts();
  await page.close();
  // Nothing that a name holds steers what is around it.
  assert.doesNotMatch(shown + titles, /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/);
  return { runs, alerts: alerts.filter((text) => text !== "") };
}

test("a dropped folder gives the runs of all its folders, whatever they are called", async () => {
  assert.deepEqual(await dropped(join(folder, "dump")), { runs: NAMES.length, alerts: [] });
});

test("folders dropped one by one come in whatever they are called", async () => {
  assert.deepEqual(await dropped(...NAMES.map((name) => join(folder, "dump", name))), { runs: NAMES.length, alerts: [] });
});

test("files of a dropped folder come in whatever they are called", async () => {
  assert.deepEqual(await dropped(join(folder, "files")), { runs: 1, alerts: [] });
});
