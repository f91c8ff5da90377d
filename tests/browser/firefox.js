// A real Firefox, driven over WebDriver BiDi.
import { existsSync } from "node:fs";
import puppeteer from "puppeteer-core";

const PLACES = ["/usr/bin/firefox-esr", "/usr/bin/firefox"];

/** @returns {string} */
export function firefoxPath() {
  const path = process.env.KVLENS_FIREFOX ?? PLACES.find((place) => existsSync(place));
  if (!path) throw new Error("no Firefox: apt-get install firefox-esr, or set KVLENS_FIREFOX to one");
  return path;
}

/** @returns {Promise<import("puppeteer-core").Browser>} */
export function launch() {
  return puppeteer.launch({ browser: "firefox", executablePath: firefoxPath(), headless: true });
}
