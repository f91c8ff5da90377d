// Lossy compare: methods and bits as a small multiple, ratio against error, K beside V and the stages one below the other.

/** @import { Plot } from "./figure.js" */
import { BASE, TIP, digits3, logTick, logTicks, panelWidth, times, valueAxis } from "./axis.js";
import { logScale } from "./error.js";
import { byVariant } from "../figures.js";
import { ERRORS, stageName, stageOrder } from "./labels.js";
import { colour, s, sheet } from "./svg.js";

/** @typedef {import("../figures.js").Stat} Stat */
/** @typedef {"mae" | "cosineGap"} Measure */

const METHODS = [
  { label: "quant_only", name: "quantize", symbol: "circle", path: "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z" },
  { label: "clip_percentile", name: "clip by percentile", symbol: "square", path: "M-3.6,-3.6h7.2v7.2h-7.2z" },
  { label: "clip_sigma", name: "clip by sigma", symbol: "diamond", path: "M0,-5.4L3.6,0L0,5.4L-3.6,0z" },
  { label: "clip_percentile+quant", name: "percentile, then quantize", symbol: "triangle", path: "M0,-5L4.6,3.6H-4.6z" },
  { label: "clip_sigma+quant", name: "sigma, then quantize", symbol: "times", path: "M-4,-4L4,4M4,-4L-4,4" },
];

/** @param {string} label */
const method = (label) => METHODS.find((known) => known.label === label) ?? { ...METHODS[0], label, name: label };

/**
 * @param {Pick<import("../engine/core.js").Report, "rows">} report
 * @returns {import("./figure.js").Chart}
 */
export function lossyCompareChart({ rows }) {
  const stats = byVariant(rows).filter((stat) => stat.errors);
  const stages = stageOrder(stats.map((stat) => stat.stage));
  const title = "Methods compared: ratio against error";
  return {
    name: "lossy-compare",
    title,
    note: "Each mark is one method at one number of bits, over all lossy layers. A line joins a method’s bits, fewest at the top right; one is labelled with them. Up and to the left is better.",
    choice: {
      label: "Error",
      options: [
        { value: "mae", label: ERRORS.mae.label },
        { value: "cosineGap", label: ERRORS.cosineGap.label },
      ],
    },
    draw: (Plot, { width, choice }) => {
      const measure = /** @type {Measure} */ (choice ?? "mae");
      const columns = width >= 640 ? 2 : 1;
      const seen = new Set(stats.map((stat) => stat.variant));
      return sheet({
        title,
        width,
        columns,
        legend: METHODS.filter(({ label }) => seen.has(label)).map(({ name, path }) => ({
          swatch: s("path", { d: path, transform: "translate(7,7)", fill: "none", stroke: "var(--ink)", "stroke-width": 1.7 }),
          text: name,
        })),
        panels: stages.flatMap((stage) =>
          /** @type {const} */ (["K", "V"]).map((tensor) => ({
            heading: `${tensor}${stages.length > 1 ? `, ${stageName(stage).toLowerCase()}` : ""}`,
            svg: panel(
              Plot,
              stats.filter((stat) => stat.stage === stage && stat.tensor === tensor),
              stats.filter((stat) => stat.tensor === tensor),
              stats,
              measure,
              panelWidth(width, columns),
            ),
          })),
        ),
      });
    },
    table: () => ({
      columns: ["Stage", "Tensor", "Method", "Bits", "Ratio, ×", "Mean absolute error", "1 − cosine"],
      rows: stats.map((stat) => [
        ...[stat.stage, stat.tensor, method(stat.variant).name, stat.bits || "–", stat.ratio.toFixed(3)],
        ...[digits3(stat.errors?.mae ?? NaN), digits3(stat.errors?.cosineGap ?? NaN)],
      ]),
    }),
  };
}

/**
 * @param {Plot} Plot
 * @param {Stat[]} stats   drawn here
 * @param {Stat[]} sameX   share the error axis
 * @param {Stat[]} sameY   share the ratio axis
 * @param {Measure} measure
 * @param {number} width
 */
function panel(Plot, stats, sameX, sameY, measure, width) {
  const error = (/** @type {Stat} */ stat) => stat.errors?.[measure] ?? NaN;
  const { foot, ...scale } = logScale(sameX.map(error));
  const at = (/** @type {Stat} */ stat) => error(stat) || foot;
  const tensor = stats[0]?.tensor ?? "K";
  const ratios = sameY.map((stat) => stat.ratio);
  const bottom = Math.min(1, ...ratios);
  const several = stats.filter((stat) => stats.some((other) => other.variant === stat.variant && other.bits !== stat.bits));
  return Plot.plot({
    ...BASE,
    width,
    height: 240,
    x: scale,
    y: { domain: [bottom, Math.max(1.1, ...ratios) * 1.08] },
    symbol: { type: "ordinal", domain: METHODS.map(({ label }) => label), range: METHODS.map(({ symbol }) => symbol) },
    marks: [
      ...valueAxis(Plot, "Ratio, ×", { tickFormat: "~f", ticks: 5 }),
      Plot.axisX({
        ticks: logTicks(scale.domain),
        text: logTick,
        tickSize: 3,
        label: ERRORS[measure].axis,
        labelAnchor: "center",
        labelArrow: "none",
      }),
      Plot.ruleY([bottom], { stroke: "var(--ink)" }),
      Plot.line(
        [...several].sort((a, b) => a.bits - b.bits),
        { x: at, y: "ratio", z: "variant", stroke: colour[tensor], strokeWidth: 1.2, strokeOpacity: 0.7 },
      ),
      Plot.dot(stats, {
        x: at,
        y: "ratio",
        symbol: "variant",
        r: 4,
        fill: "var(--page)",
        stroke: colour[tensor],
        strokeWidth: 1.8,
        className: `kv-methods-${tensor}`,
      }),
      // One method's bits only: where methods meet, more labels would cover each other. The note says so.
      Plot.text(
        several.filter((stat) => stat.variant === several[0].variant),
        { x: at, y: "ratio", text: "bits", dx: 8, textAnchor: "start", fill: "var(--muted)", stroke: "var(--page)", strokeWidth: 3 },
      ),
      Plot.tip(
        stats,
        Plot.pointer({
          ...TIP,
          x: at,
          y: "ratio",
          maxRadius: 30,
          title: (/** @type {Stat} */ stat) =>
            [
              `${stat.tensor}: ${method(stat.variant).name}${stat.bits ? `, ${stat.bits} bits` : ""}`,
              `Ratio ${times(stat.ratio)}`,
              `${ERRORS[measure].label} ${digits3(error(stat))}`,
            ].join("\n"),
        }),
      ),
    ],
  });
}
