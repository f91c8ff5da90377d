// The engine's reports are the command line's, byte for byte, with threads and without.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch } from "./chromium.js";
import { addFolder, EDGE, EMPTY, openEngine, run, SAMPLE } from "./engine.js";
import { folderOf, goldenCases, reports, settingsOf } from "./native.js";
import { serve } from "./server.js";

const cases = await goldenCases();
/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let host;
before(async () => {
  host = await serve({ pages: EMPTY });
  browser = await launch();
});
after(async () => {
  await browser.close();
  await host.close();
});

for (const kind of /** @type {const} */ (["threads", "serial"])) {
  describe(`${kind} engine`, () => {
    /** @type {Record<string, import("playwright-core").Page>} a page with an engine for each dump */
    const pages = {};
    before(async () => {
      for (const folder of [SAMPLE, EDGE]) {
        const { page, info } = await openEngine(browser.context, host.origin, { kind, threads: 2 });
        assert.equal(info.kind, kind);
        await addFolder(page, folder);
        pages[folder] = page;
      }
    });
    for (const one of cases) {
      test(one.name, async () => {
        const native = await reports(one.tool, folderOf(one), one.args);
        const { files } = await run(pages[folderOf(one)], { analysis: one.tool, settings: settingsOf(one.args), verify: false });
        assert.deepEqual(Object.keys(files).sort(), Object.keys(native).sort());
        for (const [name, text] of Object.entries(native)) assert.equal(files[name], text, name);
      });
    }
  });
}
