// What a sweep's thresholds let through, and the best of it: the same comparisons as the report's `passes_precision`.

import { distinctGroups } from "../figures.js";

/**
 * One combination of a sweep.
 * @typedef {object} Combo
 * @property {string} label
 * @property {number} count       combinations that it stands for
 * @property {number} blockSize
 * @property {number} topkRatio
 * @property {number} bits
 * @property {number} kRatio
 * @property {number} vRatio
 * @property {number} kvRatio
 * @property {{ mae: number, cosine: number }} k
 * @property {{ mae: number, cosine: number }} v
 *
 * @typedef {{ kMae: number, vMae: number, kCosine: number, vCosine: number }} Limits
 */

/**
 * Those that come to the same once. @param {import("../engine/core.js").Report} report
 * @returns {Combo[]} in the report's order: the greatest ratio first
 */
export const combos = (report) =>
  distinctGroups(report.groups).map(({ group: { variant, all }, equal }) => ({
    label: variant.label,
    count: 1 + equal.length,
    blockSize: variant.blockSize ?? 0,
    topkRatio: variant.topkRatio ?? 0,
    bits: variant.bits,
    kRatio: all.kRatio,
    vRatio: all.vRatio,
    kvRatio: all.kvRatio,
    k: all.kErrors ?? { mae: 0, cosine: 0 },
    v: all.vErrors ?? { mae: 0, cosine: 0 },
  }));

/** @param {import("../engine/core.js").Report["settings"]} settings @returns {Limits} */
export const limitsOf = (settings) => ({
  kMae: Number(settings["max-k-mae"]),
  vMae: Number(settings["max-v-mae"]),
  kCosine: Number(settings["min-k-cosine"]),
  vCosine: Number(settings["min-v-cosine"]),
});

/** @param {Combo} combo @param {Limits} limits */
export const passes = (combo, limits) =>
  combo.k.cosine >= limits.kCosine && combo.v.cosine >= limits.vCosine && combo.k.mae <= limits.kMae && combo.v.mae <= limits.vMae;

/** The smallest that passes: the first in the report's order. @param {Combo[]} all @param {Limits} limits */
export const best = (all, limits) => all.find((combo) => passes(combo, limits)) ?? null;

/**
 * Those that no other beats in both error and ratio, by growing error.
 * @param {Combo[]} all
 * @param {(combo: Combo) => number} error
 */
export function paretoFront(all, error) {
  let top = -Infinity;
  return [...all]
    .sort((a, b) => error(a) - error(b) || b.kvRatio - a.kvRatio)
    .filter((combo) => combo.kvRatio > top && ((top = combo.kvRatio), true));
}
