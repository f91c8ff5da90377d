// The result's tables: one line for each layer, and one for each variant (the sweep's combinations, the compared methods).

/** @import { Child } from "../dom.js" */
/** @import { Layer } from "../figures.js" */
/** @import { Errors, Group } from "../engine/core.js" */
/** @import { Column } from "./table.js" */
import { h } from "../dom.js";
import { cosine, count, error, ratio } from "../format.js";
import { table } from "./table.js";

/** @param {Layer[]} layers @param {string} caption */
export function layerTable(layers, caption) {
  const withErrors = layers.some(({ k, v }) => k.errors || v.errors);
  const withNonFinite = layers.some(({ k, v }) => k.nonFinite + v.nonFinite > 0);
  /** @type {Column<Layer>[]} */
  const columns = [
    { head: "Layer", value: (layer) => layer.layerId },
    { head: "Kept", class: "text", value: (layer) => (layer.lossless ? "lossless" : "lossy"), cell: (layer) => keptCell(layer.lossless) },
    { head: "Captures", value: (layer) => layer.captures, cell: (layer) => count(layer.captures) },
    {
      head: "Raw",
      unit: "MB",
      title: "K and V before, in 10^6 bytes",
      value: ({ k, v }) => k.raw + v.raw,
      cell: ({ k, v }) => bytesCell(k.raw + v.raw),
    },
    {
      head: "Size",
      unit: "MB",
      title: "K and V after, in 10^6 bytes",
      value: ({ k, v }) => k.size + v.size,
      cell: ({ k, v }) => bytesCell(k.size + v.size),
    },
    ...sides((side, name) => [
      {
        head: `${name} ratio`,
        unit: "×",
        class: side,
        value: (/** @type {Layer} */ layer) => layer[side].ratio,
        cell: (/** @type {Layer} */ layer) => bare(ratio(layer[side].ratio)),
      },
    ]),
    ...(withErrors ? sides((side, name) => errorColumns(name, side, (/** @type {Layer} */ layer) => layer[side].errors)) : []),
    ...(withNonFinite
      ? [
          {
            head: "NaN, Inf",
            title: "Values that are not finite",
            value: nonFinite,
            cell: (/** @type {Layer} */ layer) => count(nonFinite(layer)),
          },
        ]
      : []),
  ];
  return table(caption, columns, layers, { rowClass: (layer) => (layer.lossless ? "" : "lossy") });
}

/** @param {Layer} layer */
const nonFinite = ({ k, v }) => k.nonFinite + v.nonFinite;

/** @param {Group[]} groups @param {string} caption */
export function groupTable(groups, caption) {
  const sweep = groups.some(({ variant }) => variant.blockSize !== null);
  const judged = groups.some(({ passes }) => passes !== null);
  /** @type {Column<Group>[]} */
  const columns = [
    { head: sweep ? "Combination" : "Method", class: "text", value: ({ variant }) => variant.label },
    ...(judged
      ? [
          {
            head: "Passes",
            class: "text",
            title: "Whether its errors stay within the thresholds",
            value: (/** @type {Group} */ { passes }) => (passes ? "yes" : "no"),
            cell: passCell,
          },
        ]
      : []),
    ...(sweep ? sweepColumns : []),
    { head: "Bits", value: ({ variant }) => variant.bits, cell: ({ variant }) => (variant.bits ? String(variant.bits) : "–") },
    { head: "KV ratio", unit: "×", value: ({ all }) => all.kvRatio, cell: ({ all }) => bare(ratio(all.kvRatio)) },
    ...sides((side, name) => [
      {
        head: `${name} ratio`,
        unit: "×",
        class: side,
        value: (/** @type {Group} */ { all }) => all[`${side}Ratio`],
        cell: (/** @type {Group} */ { all }) => bare(ratio(all[`${side}Ratio`])),
      },
    ]),
    ...sides((side, name) =>
      errorColumns(name, side, (/** @type {Group} */ { all }) => all[`${side}Errors`]).filter(({ head }) => / (cosine|MAE)$/.test(head)),
    ),
  ];
  return table(caption, columns, groups, { rowClass: ({ passes }) => (passes === false ? "fails" : "") });
}

/** @type {Column<Group>[]} */
const sweepColumns = [
  { head: "Block", value: ({ variant }) => variant.blockSize ?? 0 },
  { head: "Top-k", value: ({ variant }) => variant.topkRatio ?? 0 },
];

/** @param {Group} group */
const passCell = ({ passes }) => h("span", { class: passes ? "pass" : "fail" }, passes ? "yes" : "no");

/** @param {boolean} lossless */
const keptCell = (lossless) => h("span", { class: `kept ${lossless ? "lossless" : "lossy"}` }, lossless ? "lossless" : "lossy");

/** @param {number} bytes */
const bytesCell = (bytes) => h("span", { title: `${count(bytes)} bytes` }, (bytes / 1e6).toFixed(bytes < 1e8 ? 3 : 1));

/** The unit stands in the head. @param {string} text */
const bare = (text) => text.replace(/×$/, "");

/**
 * @template T
 * @param {(side: "k" | "v", name: "K" | "V") => T[]} make
 * @returns {T[]}
 */
const sides = (make) => [...make("k", "K"), ...make("v", "V")];

/**
 * @template R
 * @param {string} name @param {string} side @param {(row: R) => Errors | null} of
 * @returns {Column<R>[]}
 */
function errorColumns(name, side, of) {
  /** @param {string} head @param {string} title @param {keyof Errors} key @param {(n: number) => Child} write */
  const column = (head, title, key, write) => ({
    head: `${name} ${head}`,
    title,
    class: side,
    // Rows without a figure go to the end that means "least error".
    value: (/** @type {R} */ row) => of(row)?.[key] ?? (key === "cosine" ? 2 : -1),
    cell: (/** @type {R} */ row) => {
      const errors = of(row);
      return errors ? write(errors[key]) : "–";
    },
  });
  return [
    column("cosine", "Cosine between original and restored values, weighted by elements", "cosine", cosine),
    column("MAE", "Mean absolute error, weighted by elements", "mae", error),
    column("RMSE", "Root mean square error, weighted by elements", "rmse", error),
    column("max", "Greatest absolute error", "maxAbs", error),
  ];
}
