// A real Chromium, with a fresh profile.
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Nothing drawn by a graphics card, and no request of the browser's own. */
export const FLAGS = [
  "--headless",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** @returns {string} */
export function chromiumPath() {
  const path = process.env.KVLENS_CHROMIUM ?? PLACES.find((place) => existsSync(place));
  if (!path) throw new Error("no Chromium: apt-get install chromium, or set KVLENS_CHROMIUM to one");
  return path;
}

/**
 * @param {import("playwright-core").BrowserContextOptions & { flags?: string[] }} [options]
 * @returns {Promise<{ context: import("playwright-core").BrowserContext, close: () => Promise<void> }>}
 */
export async function launch({ flags = [], ...options } = {}) {
  const profile = await mkdtemp(join(tmpdir(), "kvlens-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath(),
    chromiumSandbox: false,
    args: [...FLAGS, ...flags],
    ...options,
  });
  context.setDefaultTimeout(60_000);
  const close = async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  };
  return { context, close };
}
