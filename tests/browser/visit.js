// A browser and a host of the page, which the tests of a file share.
import { after, before } from "node:test";
import { launch } from "./chromium.js";
import { serve } from "./server.js";

/** Both are there while the file's tests run. @param {Parameters<typeof launch>[0]} [options] the browser's */
export function visit(options) {
  /** @type {Awaited<ReturnType<typeof launch>>} */
  let browser;
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let host;
  before(async () => {
    host = await serve();
    browser = await launch(options);
  });
  after(async () => {
    await browser.close();
    await host.close();
  });
  const newPage = () => browser.context.newPage();
  return {
    newPage,
    /** The page's address. */
    url: () => host.url,
    /** The page in a new tab, ready. @param {string} [hash] */
    async open(hash = "") {
      const page = await newPage();
      await page.goto(host.url + hash);
      await page.getByRole("tab", { name: "Mixed" }).waitFor();
      return page;
    },
  };
}

/**
 * Waits for something that the page has to look up: waitForFunction takes a promise for a yes.
 * @template A
 * @param {import("playwright-core").Page} page @param {string | ((arg: A) => Promise<boolean>)} ask @param {A} [arg]
 */
export async function until(page, ask, arg) {
  for (let tries = 0; tries < 300; tries++) {
    if (await page.evaluate(/** @type {any} */ (ask), arg)) return;
    await page.waitForTimeout(100);
  }
  throw new Error(`never true: ${ask} of ${arg}`);
}
