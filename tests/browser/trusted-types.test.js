// Where browsers have Trusted Types, no text becomes markup or a script's address; and the whole page keeps to that.
import assert from "node:assert/strict";
import { test } from "node:test";
import { launch } from "./chromium.js";
import { SAMPLE } from "./engine.js";
import { runToEnd } from "./page.js";
import { serve } from "./server.js";

/** @import { Page } from "playwright-core" */

/** @param {import("node:test").TestContext} context */
async function open(context) {
  const host = await serve({ isolated: true });
  const browser = await launch();
  context.after(async () => {
    await browser.close();
    await host.close();
  });
  const page = await browser.context.newPage();
  await page.addInitScript(() => {
    const broken = /** @type {any} */ (/** @type {any} */ (window).broken = []);
    addEventListener("securitypolicyviolation", (event) => broken.push(`${event.violatedDirective}: ${event.sample} ${event.sourceFile}`));
  });
  await page.goto(host.url);
  await page
    .getByText(/^\d+ threads?, SIMD$/)
    .first()
    .waitFor();
  return page;
}

/** What was refused so far. @param {Page} page @returns {Promise<string[]>} */
const broken = (page) => page.evaluate(() => /** @type {any} */ (window).broken);

test("text does not become markup or a script's address", async (context) => {
  const page = await open(context);
  const tried = await page.evaluate(() => {
    /** @type {Record<string, () => unknown>} */
    const ways = {
      markup: () => (document.body.innerHTML = "<img src=x>"),
      worker: () => new Worker("main.js"),
      script: () => (document.createElement("script").src = "main.js"),
      policy: () => /** @type {any} */ (window).trustedTypes.createPolicy("other", {}),
      again: () => /** @type {any} */ (window).trustedTypes.createPolicy("kvlens", {}),
    };
    return Object.entries(ways).map(([name, way]) => {
      try {
        way();
        return `${name} goes through`;
      } catch {
        return name;
      }
    });
  });
  assert.deepEqual(tried, ["markup", "worker", "script", "policy", "again"]);
});

test("from the drop to the reports, the charts and the lesson, the page breaks no rule of its policy", async (context) => {
  const page = await open(context);
  await page.locator("input[type=file][webkitdirectory]").first().setInputFiles(SAMPLE);
  await runToEnd(page);
  await page.locator("figure svg").first().waitFor();
  for (const name of ["report.html", "mixed_summary.md"]) {
    await Promise.all([page.waitForEvent("download"), page.locator(`button[data-file="${name}"]`).click()]);
  }
  await page.getByRole("button", { name: "Learn" }).click();
  const steps = page.locator(".lesson .steps a");
  for (let i = 0; i < 7; i++) {
    await steps.nth(i).click();
    await page.getByRole("button", { name: "Skip the question" }).click();
    await page.locator(".lesson .look").first().waitFor();
  }
  assert.equal(await steps.count(), 7);
  assert.deepEqual(await broken(page), []);
});
