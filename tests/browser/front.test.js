// Explore's chart of size against error: no name lies on a mark or on another text, whatever the width, the tensor and the limit.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./chromium.js";
import { runToEnd } from "./page.js";
import { ROOT, serve } from "./server.js";

/** @import { Page } from "playwright-core" */

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let host;
/** @type {Page} */
let page;
before(async () => {
  host = await serve();
  browser = await launch({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce" });
  page = await browser.context.newPage();
  await page.goto(`${host.url}#analysis=explore`);
  await page.setInputFiles("#choose-folder", join(ROOT, "tests/data/sample-dump/dumps"));
  await runToEnd(page);
});
after(async () => {
  await browser.close();
  await host.close();
});

/** The names in the chart, what is ringed and what the legend says of it, and which of its texts lie on a mark, on another text or outside of it. */
const read = () =>
  page.locator('[data-chart="front"] svg.kv-sheet').evaluate((sheet) => {
    const boxes = (/** @type {string} */ selector) =>
      [...sheet.querySelectorAll(selector)].map((each) => ({ text: each.textContent ?? "", box: each.getBoundingClientRect() }));
    const [texts, marks, names] = ["text", '[aria-label="dot"] *', '[aria-label="text"] text'].map(boxes);
    const whole = sheet.getBoundingClientRect();
    const meet = (/** @type {DOMRect} */ a, /** @type {DOMRect} */ b) =>
      a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    const faults = texts.flatMap(({ text, box }, i) => [
      ...(marks.some((mark) => meet(mark.box, box)) ? [`${text} lies on a mark`] : []),
      ...texts.slice(i + 1).flatMap((other) => (meet(other.box, box) ? [`${text} lies on ${other.text}`] : [])),
      ...(box.left < whole.left - 1 || box.right > whole.right + 1 ? [`${text} is cut`] : []),
    ]);
    const best = texts.filter(({ text }) => text.startsWith("best of the four: ")).map(({ text }) => text);
    return {
      names: names.map(({ text }) => text),
      marks: marks.length,
      ringed: sheet.querySelectorAll('circle[r="8"]').length,
      best,
      faults,
    };
  });

const LIMITS = [
  ["as it was searched with", "max-attention-error=0.002"],
  ["tight", "max-attention-error=0.0002"],
  ["loose", "max-attention-error=0.2"],
];

for (const [limit, setting] of LIMITS) {
  test(`no name lies on a mark or another text where the limit is ${limit}`, async () => {
    await page.evaluate((hash) => (location.hash = hash), `#analysis=explore&${setting}`);
    const told = `limit ${setting.split("=")[1]}`;
    for (const width of [390, 768, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      for (const side of ["kv", "k", "v"]) {
        await page.locator('[data-chart="front"] select').selectOption(side);
        // Drawn again for this width.
        await page.waitForFunction(() => {
          const sheet = document.querySelector('[data-chart="front"] svg.kv-sheet');
          return Number(sheet?.getAttribute("width")) === Math.floor(sheet?.parentElement?.clientWidth ?? 0);
        });
        const { names, marks, ringed, best, faults } = await read();
        const where = `${width} px, ${side}`;
        assert.deepEqual(faults, [], where);
        assert(marks > 20, `${where}: ${marks} marks`);
        assert(names.includes(told), `${where}: ${names.join("; ")}`);
        assert.equal(best.length, ringed, `${where}: ${best.join("; ")}`);
        assert(names.length >= 4, `${where}: only ${names.join("; ")}`);
      }
    }
  });
}
