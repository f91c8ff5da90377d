// A dump beside the page while it is fetched: how far it is in true figures, and a Cancel that leaves the page as it was.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import { launch } from "./chromium.js";
import { ROOT, serve } from "./server.js";

/** @import { ServerResponse } from "node:http" */
/** @import { Page } from "playwright-core" */

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let host;
/** @type {Buffer} */
let zip;
/** What stands in the header of slow.zip. @type {Record<string, string | number>} */
let headers = {};
/** Answers to GET of slow.zip, each with its first half sent. @type {{ response: ServerResponse, body: Buffer }[]} */
let sent = [];
before(async () => {
  zip = await readFile(join(ROOT, "dist/sample.zip"));
  host = await serve({
    answers: {
      "/slow.zip": ({ method }, response) => {
        response.writeHead(200, headers);
        if (method === "HEAD") return response.end();
        const body = headers["Content-Encoding"] ? gzipSync(zip) : zip;
        response.write(body.subarray(0, body.length / 2));
        sent.push({ response, body });
      },
    },
  });
  browser = await launch();
});
after(async () => {
  await browser.close();
  await host.close();
});
beforeEach(() => {
  headers = { "Content-Length": zip.length };
  sent = [];
});

/** Sends the other half. */
function goOn() {
  const { response, body } = sent[sent.length - 1];
  response.end(body.subarray(body.length / 2));
}

/** @param {string} hash */
async function open(hash) {
  const page = await browser.context.newPage();
  await page.goto(host.url + hash);
  return page;
}

/** All that is read aloud from now on in the drop zone. @param {Page} page */
const listen = (page) =>
  page.evaluate(() => {
    /** @type {string[]} */
    const told = [];
    Object.assign(window, { told });
    const said = /** @type {Element} */ (document.querySelector(".drop [role=status]"));
    new MutationObserver(() => void told.push(said.textContent ?? "")).observe(said, { childList: true });
  });

/** The page tells of the first half. @param {Page} page */
const half = (page) => page.getByText("Getting slow.zip: 770 kB of 1.54 MB …").waitFor();

/** @param {Page} page */
const focused = (page) => page.evaluate(() => document.activeElement?.textContent);

/** What the bar has, in bytes. @param {Page} page */
const bar = (page) => page.getByRole("progressbar", { name: "Bytes fetched" });

test("while a dump is fetched its bytes are told, of all where the host tells how many, and then it is read", async () => {
  const page = await open("");
  await page.locator("#try-sample").waitFor();
  await listen(page);
  await page.evaluate(() => (location.hash = "#dump=slow.zip"));
  await half(page);
  const far = await bar(page).evaluate((/** @type {HTMLProgressElement} */ { value, max }) => [value, max]);
  assert.deepEqual(far, [Math.floor(zip.length / 2), zip.length]);
  goOn();
  await page.locator(".runs li").waitFor();
  assert.deepEqual(await page.evaluate("told"), ["Getting slow.zip …", "The dump has 81 captures now."]);
  assert(!(await bar(page).isVisible()));
  await page.close();
});

for (const [kind, its] of /** @type {[string, typeof headers][]} */ ([
  ["unknown", {}],
  ["of what is packed on the way", { "Content-Encoding": "gzip", "Content-Length": 1000 }],
])) {
  test(`where the length is ${kind}, the bytes so far are told, and no share of them`, async () => {
    headers = its;
    if (its["Content-Length"]) headers["Content-Length"] = gzipSync(zip).length;
    const page = await open("#dump=slow.zip");
    await page.getByText(/^Getting slow\.zip: [1-9].* [kM]B so far …/).waitFor();
    assert.equal(await bar(page).getAttribute("value"), null);
    goOn();
    await page.locator(".runs li").waitFor();
    await page.close();
  });
}

test("Cancel ends the fetch, leaves the page as it was, and offers the dump again", async () => {
  const page = await open("#dump=slow.zip&run=1");
  await half(page);
  await listen(page);
  const ended = once(sent[0].response, "close");
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await ended;
  await page.getByText("The link names a dump of 1.54 MB: /slow.zip").waitFor();
  assert.deepEqual(await page.evaluate("told"), ["Cancelled: slow.zip was not opened."]);
  assert.equal(await focused(page), "Open it");
  assert.equal(await page.locator("#dump .message:not(.note), .runs li, .run-rows li").count(), 0);
  assert.match(await page.locator(".drop").innerText(), /^Drop a KV dump here\n+A folder, several folders, or files/);
  assert.match(page.url(), /#dump=slow\.zip/);
  // Once more: from the keyboard, to the end.
  await page.keyboard.press("Enter");
  await half(page);
  assert.equal(await focused(page), "Cancel");
  goOn();
  await page.locator(".runs li").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), "dump");
  await page.close();
});

test("the sample's fetch can be cancelled too: what was told before stands there again, and nothing is run", async (context) => {
  const mute = await serve({ answers: { "/sample.zip": () => {} } });
  context.after(() => mute.close());
  const page = await browser.context.newPage();
  await page.goto(`${mute.url}#dump=gone.zip`);
  const failure = page.locator("#dump [role=alert]");
  await failure.getByText("/gone.zip could not be fetched: the host answers 404.").waitFor();
  const before = await failure.innerText();
  await page.locator("#try-sample").click();
  await page.locator("#cancel-fetch").press("Enter");
  await page.locator("#cancel-fetch").waitFor({ state: "hidden" });
  assert.equal(await focused(page), "Try the sample");
  assert.equal(await failure.innerText(), before);
  assert.equal(await page.locator(".run-rows li").count(), 0);
  assert.equal(await page.locator("#try-sample").getAttribute("aria-disabled"), "false");
  await page.close();
});

test("a fetch that breaks off says so", async () => {
  const page = await open("#dump=slow.zip");
  await half(page);
  sent[0].response.destroy();
  await page.getByText("/slow.zip could not be fetched: the host does not answer, or not to the end.").waitFor();
  assert(!(await bar(page).isVisible()));
  await page.close();
});

test("a host that sends its first page for what it does not have: not taken for a dump", async (context) => {
  const host = await serve({
    answers: { "/gone.zip": (_, response) => response.setHeader("Content-Type", "text/html; charset=utf-8").end("<p>") },
  });
  context.after(() => host.close());
  const page = await browser.context.newPage();
  await page.goto(`${host.url}#dump=gone.zip`);
  await page.getByText("/gone.zip could not be fetched: the host answers with a web page in its place.").waitFor();
  await page.close();
});

test("a frame tells how far its dump is, and has the Cancel", async () => {
  const page = await open("?embed=1#dump=slow.zip");
  await half(page);
  assert(await page.getByRole("button", { name: "Cancel", exact: true }).isVisible());
  assert(!(await page.getByRole("button", { name: "Choose folder" }).isVisible()));
  goOn();
  await page.locator(".big-value").waitFor();
  assert(!(await page.locator(".drop").isVisible()));
  await page.close();
});
