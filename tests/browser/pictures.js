// The pictures of README.md, taken anew from dist/: node tests/browser/pictures.js. Look at them before you commit them.
import { join } from "node:path";
import { launch } from "./chromium.js";
import { ROOT, serve } from "./server.js";

/** @typedef {{ file: string, hash: string, theme: "light" | "dark", from: string, to: string }} Picture */
/** @type {Picture[]} from the top of one element to the end of another */
const PICTURES = [
  { file: "page.png", hash: "", theme: "light", from: ".page-head", to: ".covers" },
  { file: "sweep.png", hash: "#analysis=sweep&bits-list=5,6,7,8,9,10,12", theme: "dark", from: "#result", to: '[data-chart="sweep"]' },
  { file: "explore.png", hash: "#analysis=explore", theme: "light", from: "#answer", to: "#answer" },
];
const WIDTH = 1200;

const host = await serve();
for (const { file, hash, theme, from, to } of PICTURES) {
  const { context, close } = await launch({ viewport: { width: WIDTH, height: 900 }, colorScheme: theme, reducedMotion: "reduce" });
  const page = await context.newPage();
  await page.goto(host.url + hash);
  await page.locator("#try-sample").click();
  await page.locator("#result-body .charts:not(.drawing) svg").first().waitFor();
  // What is looked up after a run: the answer in one line, other codecs.
  if (!hash) await page.locator('[data-what="Codec"]').waitFor();
  await page.getByText("Measured on every layer").or(page.getByText("stored by kvlens, ~")).first().waitFor();
  await page.mouse.move(0, 0);
  const [y, end] = await page.evaluate(
    ([from, to]) => {
      const box = (/** @type {string} */ name) => /** @type {Element} */ (document.querySelector(name)).getBoundingClientRect();
      return [scrollY + box(from).top, scrollY + box(to).bottom + 4];
    },
    [from, to],
  );
  await page.screenshot({ path: join(ROOT, "docs", file), fullPage: true, clip: { x: 0, y, width: WIDTH, height: end - y } });
  await close();
}
await host.close();
