// `cargo xtask serve`, a newcomer's first minute: every first load ends, with threads.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { chromiumPath, FLAGS } from "./chromium.js";
import { ROOT } from "./server.js";

const SERVERS = 30;

/** Starts a server of dist/ on a free port. */
async function serve() {
  const program = process.env.KVLENS_XTASK ?? join(ROOT, "target/debug/xtask");
  const child = spawn(program, ["serve", "--no-build", "--no-open", "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await Promise.race([
    new Promise((resolve) => createInterface(child.stdout).once("line", (line) => resolve([line]))),
    new Promise((_, reject) => child.once("error", reject).once("exit", () => reject(new Error("the server ended")))),
  ]);
  const url = /http:\S+/.exec(line)?.[0] ?? "";
  return { url, close: () => child.kill() };
}

test(`the first load of each of ${SERVERS} fresh servers ends`, async (context) => {
  const browser = await chromium.launch({ executablePath: chromiumPath(), chromiumSandbox: false, args: FLAGS });
  context.after(() => browser.close());
  for (let number = 1; number <= SERVERS; number++) {
    const server = await serve();
    const visitor = await browser.newContext();
    try {
      const page = await visitor.newPage();
      await page.goto(server.url, { timeout: 20_000 });
      const badge = page.getByText(/^\d+ threads?(, SIMD|:)/).first();
      await badge.waitFor({ timeout: 20_000 });
      assert.match((await badge.textContent()) ?? "", /^\d+ threads?, SIMD$/);
    } catch (error) {
      throw new Error(`server ${number} of ${SERVERS}: ${error}`, { cause: error });
    } finally {
      await visitor.close();
      server.close();
    }
  }
});
