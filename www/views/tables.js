// The result's tables: one line for each layer, and one for each variant (the sweep's combinations, the compared methods).

/** @import { Child } from "../dom.js" */
/** @import { Layer } from "../figures.js" */
/** @import { Errors, Group } from "../engine/core.js" */
/** @import { Column } from "./table.js" */
import { h } from "../dom.js";
import { distinctGroups, packedRatios } from "../figures.js";
import { bareRatio, cosine, count, error } from "../format.js";
import { sides, table } from "./table.js";

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
        cell: (/** @type {Layer} */ layer) => bareRatio(layer[side].ratio),
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

/** A variant, with those that come to the same. @typedef {ReturnType<typeof distinctGroups>[number]} Line */

/** @param {Group[]} groups @param {string} caption @param {import("./table.js").Memory} memory */
export function groupTable(groups, caption, memory) {
  const sweep = groups.some(({ variant }) => variant.blockSize !== null);
  const packed = groups.some(({ all }) => packedRatios(all));
  const judged = groups.some(({ passes }) => passes !== null);
  /** @type {Column<Line>[]} */
  const columns = [
    { head: sweep ? "Combination" : "Method", class: "text", value: ({ group }) => group.variant.label, cell: labelCell },
    ...(judged
      ? [
          {
            head: "Passes",
            class: "text",
            title: "Whether its errors stay within the thresholds",
            value: (/** @type {Line} */ { group }) => (group.passes ? "yes" : "no"),
            cell: passCell,
          },
        ]
      : []),
    ...(sweep ? sweepColumns : []),
    {
      head: "Bits",
      value: ({ group }) => group.variant.bits,
      cell: ({ group }) => (group.variant.bits ? String(group.variant.bits) : "–"),
    },
    { head: "KV ratio", unit: "×", value: ({ group }) => group.all.kvRatio, cell: ({ group }) => bareRatio(group.all.kvRatio) },
    ...(packed
      ? [
          {
            head: "KV packed",
            unit: "×",
            title: "The same codes side by side, scales counted, without zstd",
            value: packedOf,
            cell: (/** @type {Line} */ line) => (packedOf(line) > 0 ? bareRatio(packedOf(line)) : "–"),
          },
        ]
      : []),
    ...sides((side, name) => [
      {
        head: `${name} ratio`,
        unit: "×",
        class: side,
        value: (/** @type {Line} */ { group }) => group.all[`${side}Ratio`],
        cell: (/** @type {Line} */ { group }) => bareRatio(group.all[`${side}Ratio`]),
      },
    ]),
    ...sides((side, name) =>
      errorColumns(name, side, (/** @type {Line} */ { group }) => group.all[`${side}Errors`]).filter(({ head }) =>
        / (cosine|MAE)$/.test(head),
      ),
    ),
  ];
  return table(caption, columns, distinctGroups(groups), { rowClass: ({ group }) => (group.passes === false ? "fails" : ""), memory });
}

/** @param {Line} line */
const packedOf = ({ group }) => packedRatios(group.all)?.kv ?? 0;

/** With how many come to the same: which these are, the next columns tell. @param {Line} line */
const labelCell = ({ group, equal }) => [
  group.variant.label,
  equal.length > 0 &&
    h(
      "span",
      { class: "muted", title: `The same as ${equal.map(({ variant }) => variant.label).join(", ")}` },
      ` +${count(equal.length)}`,
      h("span", { class: "visually-hidden" }, " equal"),
    ),
];

/** Every value that comes to the same. @param {(variant: Group["variant"]) => number | null} of @returns {(line: Line) => string} */
const each =
  (of) =>
  ({ group, equal }) =>
    [...new Set([group, ...equal].map(({ variant }) => of(variant)))].join(", ");

/** @type {Column<Line>[]} */
const sweepColumns = [
  { head: "Block", value: ({ group }) => group.variant.blockSize ?? 0, cell: each(({ blockSize }) => blockSize) },
  { head: "Top-k", value: ({ group }) => group.variant.topkRatio ?? 0, cell: each(({ topkRatio }) => topkRatio) },
];

/** @param {Line} line */
const passCell = ({ group: { passes } }) => h("span", { class: passes ? "pass" : "fail" }, passes ? "yes" : "no");

/** @param {boolean} lossless */
const keptCell = (lossless) => h("span", { class: `kept ${lossless ? "lossless" : "lossy"}` }, lossless ? "lossless" : "lossy");

/** @param {number} bytes */
const bytesCell = (bytes) => h("span", { title: `${count(bytes)} bytes` }, (bytes / 1e6).toFixed(bytes < 1e8 ? 3 : 1));

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
