// The sample dump in every format: the reports are those of the folder, byte for byte, on the command line and in the page.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, sep } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { deflateRawSync, gzipSync } from "node:zlib";
import { compress, init } from "@bokuweb/zstd-wasm";
import { crc32, npy, tar, zip } from "./archives.js";
import { launch } from "./chromium.js";
import { EDGE, SAMPLE } from "./engine.js";
import { PROGRAM, reports } from "./native.js";
import { downloaded, drop, runToEnd } from "./page.js";
import { serve } from "./server.js";

/** @import { Member, Parts } from "./archives.js" */

/** What archives hold in front of the dump: people pack the folder in which they work. */
const PREFIX = "home/me/kv dumps/";

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let host;
/** @type {string} */
let folder;
/** @type {(Member & { data: Uint8Array<ArrayBuffer> })[]} */
let files;
/** @type {Record<string, string>} */
let expected;
before(async () => {
  host = await serve();
  browser = await launch({ acceptDownloads: true });
  folder = await mkdtemp(join(tmpdir(), "kvlens-formats-"));
  const names = (await readdir(SAMPLE, { recursive: true })).filter((name) => /\.(json|bin)$/.test(name)).sort();
  files = await Promise.all(
    names.map(async (name) => {
      const data = new Uint8Array(await readFile(join(SAMPLE, name)));
      return { path: PREFIX + name.split(sep).join("/"), data, crc: crc32(data) };
    }),
  );
  expected = await reports("mixed", SAMPLE);
  await init();
});
after(async () => {
  await browser.close();
  await host.close();
  await rm(folder, { recursive: true });
});

/** @param {Parts} parts @returns {Buffer} */
const joined = (parts) => Buffer.concat(parts.map((part) => /** @type {Uint8Array} */ (part)));

const deflated = () => files.map(({ data, ...file }) => ({ ...file, data: new Uint8Array(deflateRawSync(data)), unpacked: data.length }));

/** K and V of each capture, by names that tell run, layer, tokens and stage. @returns {Map<string, Uint8Array<ArrayBuffer>>} */
function arrays() {
  const found = new Map();
  const contents = new Map(files.map(({ path, data }) => [path, data]));
  for (const { path, data } of files.filter(({ path }) => path.endsWith(".json"))) {
    const meta = JSON.parse(new TextDecoder().decode(data));
    const layer = dirname(path);
    for (const kv of /** @type {const} */ (["k", "v"])) {
      const name = `${layer.slice(PREFIX.length)}/${kv}_t${meta.seq_start}_${meta.seq_end_exclusive}_${meta.stage}.npy`;
      found.set(
        name,
        npy([meta.seq_len, meta.kv_heads, meta.head_dim], contents.get(`${layer}/${meta[`${kv}_file`]}`) ?? new Uint8Array()),
      );
    }
  }
  return found;
}

const npz = () => joined(zip([...arrays()].map(([path, data]) => ({ path, data, crc: crc32(data) }))));

/** @param {string} name */
const converted = (name) => promisify(execFile)(PROGRAM, ["convert", "--dump-dir", SAMPLE, "--out", join(folder, name)]);

/** @type {Record<string, () => Buffer | Uint8Array>} */
const FORMATS = {
  "stored.zip": () => joined(zip(files)),
  "deflated.zip": () => joined(zip(deflated())),
  "sample.tar": () => joined(tar(files)),
  "sample.tar.gz": () => gzipSync(joined(tar(files))),
  "sample.tgz": () => gzipSync(joined(tar(files))),
  "sample.tar.zst": () => compress(joined(tar(files)), 3),
  "sample.npz": npz,
};

/** Reports of the file by the command line and by the page, of which the file is dropped. @param {string} name */
async function assertParity(name) {
  const path = join(folder, name);
  assert.deepEqual(await reports("mixed", path), expected, "command line");
  const page = await browser.context.newPage();
  await page.goto(host.url);
  await drop(page, path);
  await page.locator(".runs li").first().waitFor();
  await runToEnd(page);
  assert.deepEqual(await downloaded(page), expected, "page");
  await page.close();
}

for (const [name, make] of Object.entries(FORMATS)) {
  test(`the sample as ${name}`, async () => {
    await writeFile(join(folder, name), make());
    await assertParity(name);
  });
}

test("the sample as a folder of .npy files", async () => {
  for (const [path, data] of arrays()) {
    const file = join(folder, "arrays", path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, data);
  }
  await assertParity("arrays");
});

for (const name of ["converted.zip", "converted.safetensors"]) {
  test(`the sample as ${name}, written by the command line`, async () => {
    await converted(name);
    await assertParity(name);
  });
}

test("an archive and a folder dropped together are one dump", async () => {
  const both = join(folder, "both");
  const [archive, edge] = [join(both, "a.tar.zst"), join(both, "edge-dump")];
  await cp(EDGE, edge, { recursive: true });
  await writeFile(archive, FORMATS["sample.tar.zst"]());
  const page = await browser.context.newPage();
  await page.goto(host.url);
  await drop(page, archive, edge);
  await page.locator(".runs li", { hasText: "prompt_128" }).waitFor();
  assert.ok((await page.locator(".runs li").count()) > 1);
  await runToEnd(page);
  assert.deepEqual(await downloaded(page), await reports("mixed", both));
  await page.close();
});
