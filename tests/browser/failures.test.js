// What fails is said, and takes nothing else with it: parts of the page that are not there, a link that names nothing; and numbers at the edges
// of their units.
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT, serve } from "./server.js";
import { visit } from "./visit.js";

// Requests of a service worker can't be stopped.
const site = visit({ acceptDownloads: true, serviceWorkers: "block" });

test("without report.html the rest is downloaded, and what is missing is said", async () => {
  const page = await site.newPage();
  await page.route("**/charts/report.js", (route) => route.abort());
  await page.goto(site.url());
  await page.locator("#try-sample").click();
  const one = page.locator("[data-file='report.html']");
  await one.click();
  const said = page.locator(".downloads [role=alert]");
  await said.getByText("report.html could not be made:").waitFor();
  await page.locator("[data-file='mixed_summary.md']").focus();
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#download-all").click()]);
  const bytes = await readFile(await download.path(), "latin1");
  assert(bytes.includes("mixed_summary.md") && !bytes.includes("report.html"));
  await said.getByText("report.html could not be made:").waitFor();
  await page.close();
});

for (const part of ["views/results.js", "views/answer.js"]) {
  test(`without ${part} the page says that a part is missing, and the rest works`, async (context) => {
    const host = await serve({ replace: (file) => (file.endsWith(part) ? "not a module" : undefined) });
    context.after(() => host.close());
    const page = await site.newPage();
    await page.goto(host.url);
    await page.getByText("A part of the page could not be loaded").waitFor();
    await page.locator("#try-sample").click();
    await page.locator(".runs li", { hasText: "prompt_128" }).waitFor();
    await page.close();
  });
}

test("a lesson whose sample can't be fetched has its step and the ways from it, and nothing else to set; once it can, it goes on", async () => {
  const page = await site.newPage();
  await page.route("**/sample.zip", (route) => route.abort());
  await page.goto(`${site.url()}#learn=2`);
  const lesson = page.locator(".lesson");
  await lesson.getByRole("alert").getByText("sample.zip could not be fetched").waitFor();
  assert.match(await lesson.locator("#lesson-title").innerText(), /^2\. /);
  assert.equal(await lesson.locator(".steps a").count(), 7);
  assert(await lesson.locator(".setting").isHidden());
  for (const button of await lesson.getByRole("button").all()) assert.notEqual(await button.innerText(), "");
  await page.unroute("**/sample.zip");
  await lesson.getByRole("button", { name: "Try again" }).click();
  await lesson.getByRole("button", { name: "Skip the question" }).waitFor();
  await page.close();
});

test("pictures of a dump whose files are gone say why, and speak of no tables that are not there", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kvlens-gone-"));
  await cp(join(ROOT, "tests/data/sample-dump/dumps"), join(folder, "dumps"), { recursive: true });
  const page = await site.open();
  await page.setInputFiles("#choose-folder", join(folder, "dumps"));
  await page.locator(".runs li").waitFor();
  await rm(folder, { recursive: true });
  await page.locator(".pictures > summary").click();
  const said = page.locator(".pictures").getByText("The charts could not be drawn");
  await said.waitFor();
  assert.match(await said.innerText(), /it was changed, moved or removed after it was chosen; choose it again\)\.$/);
  await page.close();
});

test("a link whose dump has an impossible name is named, with what to do", async () => {
  const page = await site.open("#dump=100%25.zip");
  await page.getByText("The link names a dump that can’t be: “100%.zip”.").waitFor();
  await page.getByText("Correct the name after dump=").waitFor();
  await page.close();
});

test("numbers at the edge of a unit are rounded first, and a size is written in one way", async () => {
  const page = await site.open();
  const texts = await page.evaluate(async () => {
    const { cosine, error, percent, size } = await import(/** @type {string} */ (`${location.origin}/format.js`));
    return [
      [error(999.6), error(999.4), error(999_999.7)],
      [size(0), size(999.4), size(999.7), size(999_600), size(500_000), size(999.7e6), size(2.949e9), size(1.2e12)],
      [cosine(1 - 1e-12), cosine(1 - 1e-9), cosine(0.9998237)],
      [percent(0), percent(0.00414), percent(0.9951)],
    ];
  });
  assert.deepEqual(texts, [
    ["1000", "999", "1.00e+6"],
    ["0 B", "999 B", "1.00 kB", "1.00 MB", "500 kB", "1.00 GB", "2.95 GB", "1.20 TB"],
    ["1.000", "0.999999999", "0.99982"],
    ["0 %", "0.41 %", "100 %"],
  ]);
  await page.close();
});
