// Links that anybody may have made: whatever stands behind the #, the page gets a state out of it, and a link made of that state opens
// the same one again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hashOf, stateOfHash } from "../../www/link.js";

const param = (/** @type {string} */ flag, /** @type {unknown} */ fallback, /** @type {string} */ type) => ({
  flag,
  default: fallback,
  kind: { type },
});
const shared = [param("level", 1, "int"), param("stage", "both", "choice"), param("layers", [], "intList")];
/** Two analyses with settings of their own and shared ones. @type {any} */
const STATE = {
  specs: [
    { name: "mixed", params: [param("lossless-first-n", 2, "int"), param("save", false, "switch"), ...shared] },
    { name: "sweep", params: [param("bits", [4, 8], "intList"), param("ratio", 0.5, "float"), ...shared] },
  ],
  analysis: "mixed",
  values: { "": {} },
  verify: true,
  mapping: { tensorNames: "", axes: "", bits16: "" },
  beside: "",
  lesson: null,
  dump: null,
};

/** Numbers that are the same at each run. @param {number} seed */
function random(seed) {
  return (/** @type {number} */ end) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * end);
  };
}

const KEYS = [
  "analysis",
  "verify",
  "learn",
  "dump",
  "axes",
  "tensor-names",
  "bits16",
  "kv-heads",
  "serve",
  "run",
  "at-run",
  "at-layer",
  "at-token",
  "at-method",
  "level",
  "bits",
  "save",
  "__proto__",
  "constructor",
  "",
];
const TEXTS = [
  "sweep",
  "mixed",
  "no",
  "vLLM",
  "1",
  "-1",
  "1e999",
  "NaN",
  "__proto__",
  "toString",
  "a,b",
  "%",
  "%00",
  "%E0%A4",
  "<b>",
  "&",
  "#",
  "=",
  "\ud800",
  "é",
];

/** @param {ReturnType<typeof random>} below */
function link(below) {
  const part = () => {
    const [key, text] = [KEYS[below(KEYS.length)], TEXTS[below(TEXTS.length)].repeat(1 + below(3))];
    return below(2) ? `${key}=${text}` : `${encodeURIComponent(key)}=${text}`;
  };
  const pairs = Array.from({ length: below(6) }, part).join("&");
  const at = below(pairs.length + 1);
  // Some signs of the middle are missing.
  return `#${pairs.slice(0, at)}${pairs.slice(at + below(3))}`;
}

test("any link gives a state, and that state's own link gives it again", () => {
  const below = random(1);
  for (let number = 0; number < 50_000; number++) {
    const hash = link(below);
    const opened = { ...STATE, ...stateOfHash(STATE, hash) };
    assert.ok(["mixed", "sweep"].includes(opened.analysis), hash);
    assert.ok(opened.lesson === null || opened.lesson >= 1, hash);
    const own = hashOf(opened);
    const again = { ...STATE, ...stateOfHash(STATE, own) };
    assert.equal(hashOf(again), own, hash);
    assert.deepEqual(again.mapping, { ...opened.mapping }, hash);
  }
  assert.equal(/** @type {any} */ ({}).level, undefined);
});

test("a link that says nothing is the default", () => {
  for (const hash of ["", "#", "#&&&", "#=&=", "#unknown=1"]) assert.equal(hashOf({ ...STATE, ...stateOfHash(STATE, hash) }), "", hash);
});
