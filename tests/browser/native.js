// What the command line writes, to compare the page's reports with.
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "./server.js";
import { EDGE, SAMPLE } from "./engine.js";

/** The command line. */
export const PROGRAM = process.env.KVLENS ?? join(ROOT, "target/release/kvlens");

/** @typedef {{ name: string, tool: string, dump: "sample" | "edge", args: string[] }} Case */

/** @returns {Promise<Case[]>} the cases whose reports are compared with the Python reference */
export async function goldenCases() {
  return JSON.parse(await readFile(join(ROOT, "tests/data/golden/cases.json"), "utf8"));
}

/** @param {Case} one */
export const folderOf = ({ dump }) => (dump === "edge" ? EDGE : SAMPLE);

/**
 * The same settings as the engine takes them.
 * @param {string[]} args flags of the command line
 */
export function settingsOf(args) {
  /** @type {Record<string, string>} */
  const settings = {};
  for (let i = 0; i < args.length; i++) {
    const flag = args[i].replace(/^--/, "");
    const value = args[i + 1];
    const isSwitch = value === undefined || value.startsWith("--");
    settings[flag] = isSwitch ? "true" : value;
    if (!isSwitch) i++;
  }
  return settings;
}

/**
 * @param {string} tool
 * @param {string} dump folder
 * @param {string[]} args
 * @returns {Promise<Record<string, string>>} the report files' texts
 */
export async function reports(tool, dump, args = []) {
  const out = await mkdtemp(join(tmpdir(), "kvlens-reports-"));
  try {
    await promisify(execFile)(PROGRAM, [tool, "--dump-dir", dump, "--out-dir", out, ...args]);
    /** @type {Record<string, string>} */
    const files = {};
    for (const name of await readdir(out)) files[name] = await readFile(join(out, name), "utf8");
    return files;
  } finally {
    await rm(out, { recursive: true });
  }
}
