// Dumps larger than any tab's memory go through in a tab whose memory stays bounded: captures are read when their turn comes, and
// freed after. As a folder, as a zip archive that needs zip64, and as a tar archive.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launch } from "./chromium.js";
import { EMPTY, openEngine } from "./engine.js";
import { ROOT, serve } from "./server.js";

const SHAPE = { seqLen: 8192, kvHeads: 8, headDim: 128 };
const [MB, GB] = [1e6, 1e9];

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let host;
before(async () => {
  const archives = await readFile(join(ROOT, "tests/browser/archives.js"), "utf8");
  host = await serve({ pages: { ...EMPTY, "/archives.js": archives } });
});
after(() => host.close());
// Each test has a browser of its own, so that the greatest memory in use is its own.
beforeEach(async () => void (browser = await launch()));
afterEach(() => browser.close());

/** The most memory that a process of our Chromium's tabs ever had in use, in bytes (Linux). */
async function peakOfTabs() {
  let peak = 0;
  for (const id of await readdir("/proc")) {
    const read = (/** @type {string} */ name) => readFile(`/proc/${id}/${name}`, "utf8").catch(() => "");
    const commandLine = await read("cmdline");
    if (!commandLine.includes("--type=renderer") || !commandLine.includes("kvlens-chromium-")) continue;
    const kilobytes = /VmHWM:\s+(\d+)/.exec(await read("status"))?.[1] ?? 0;
    peak = Math.max(peak, Number(kilobytes) * 1024);
  }
  return peak;
}

for (const { format, layers, least } of [
  { format: "folder", layers: 60, least: 2 * GB },
  // Its last entries and the list of them all lie where 32 bits don't reach.
  { format: "zip", layers: 140, least: 4.5 * GB },
  { format: "tar", layers: 300, least: 10 * GB },
]) {
  test(`${least / GB} GB as a ${format} go through in bounded memory`, async (context) => {
    const { page } = await openEngine(browser.context, host.origin, { threads: 2 });
    const made = await page.evaluate(
      async ({ format, layers, shape: { seqLen, kvHeads, headDim } }) => {
        /** @type {typeof import("./archives.js")} */
        const { crc32, tar, zip } = await import(`${location.origin}/archives.js`);
        const { engine } = /** @type {any} */ (window);
        const size = seqLen * kvHeads * headDim * 2;
        // Chromium copies what is sliced out of a Blob made of an array, and after some GB of such copies slices can't be read. Fetched
        // ones, as files, are read in place.
        const fetched = async (/** @type {BlobPart} */ part) => (await fetch(URL.createObjectURL(new Blob([part])))).blob();
        // A few tensors, each taken again and again: a Blob made of Blobs refers to them, so the dump needs neither memory nor disk.
        const contents = [];
        const values = new Uint16Array(size / 2);
        for (let state = 1; contents.length < 6;) {
          for (let i = 0; i < values.length; i++) {
            state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
            values[i] = 0x3000 | (state >>> 22);
          }
          contents.push({ data: await fetched(values), crc: crc32(new Uint8Array(values.buffer)) });
        }
        const members = [];
        for (let layer = 0; layer < layers; layer++) {
          const meta = {
            layer_id: layer,
            seq_len: seqLen,
            kv_heads: kvHeads,
            head_dim: headDim,
            bytes_per_elem: 2,
            dtype: "fp16",
            stage: "prefill",
            run_id: "large",
            k_file: "k.bin",
            v_file: "v.bin",
          };
          const folder = `large/layer_${layer}`;
          const json = new TextEncoder().encode(JSON.stringify(meta));
          members.push({ path: `${folder}/meta_t0.json`, data: json, crc: crc32(json) });
          for (const [kv, name] of ["k.bin", "v.bin"].entries())
            members.push({ path: `${folder}/${name}`, ...contents[(layer % 3) * 2 + kv] });
        }
        const joined = (/** @type {BlobPart[]} */ parts) => parts.map((part) => (part instanceof Blob ? part : new Blob([part])));
        const files =
          format === "folder"
            ? members.map(({ path, data }) => ({ path, file: new File([data], path) }))
            : [{ path: `large.${format}`, file: new File(joined((format === "zip" ? zip : tar)(members)), `large.${format}`) }];
        const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
        const started = performance.now();
        const { captures, problems: left } = await engine.addFiles(files);
        const listed = performance.now() - started;
        const { report, elapsedMs } = await engine.run({
          analysis: "mixed",
          settings: { "zstd-level": "1", "lossy-method": "truncate", "lossless-first-n": "0" },
          verify: false,
        });
        const rows = report.rows.map((/** @type {any} */ { k, v }) => JSON.stringify([k, v]));
        return { captures, left, bytes, listed, elapsedMs, problems: report.problems, rows };
      },
      { format, layers, shape: SHAPE },
    );
    const peak = await peakOfTabs();
    const speed = made.bytes / MB / (made.elapsedMs / 1000);
    context.diagnostic(
      `${(made.bytes / MB).toFixed(0)} MB of dump: listed in ${made.listed.toFixed(0)} ms, run in ${(made.elapsedMs / 1000).toFixed(1)} s (${speed.toFixed(0)} MB/s), at most ${(peak / MB).toFixed(0)} MB in the tab`,
    );
    assert.ok(made.bytes >= least, `${made.bytes}`);
    assert.deepEqual(made.left, []);
    assert.equal(made.captures, layers);
    assert.deepEqual(made.problems, []);
    // Wherever in the dump a tensor lies, its bytes are the same.
    assert.deepEqual(
      made.rows,
      Array.from({ length: layers }, (_, layer) => made.rows[layer % 3]),
    );
    assert.equal(new Set(made.rows).size, 3);
    // What is used goes by the captures in flight, not by the dump.
    assert.ok(peak > 0 && peak < 700 * MB, `${peak}`);
    await page.close();
  });
}
