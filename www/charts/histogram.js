// The values of one layer, K beside V, on a logarithmic count: most values are small, a few are not.

/** @import { Plot } from "./figure.js" */
import { BASE, TIP, digits3, logTick, logTicks, valueAxis, whole } from "./axis.js";
import { byRun } from "./runs.js";
import { colour, pairs } from "./svg.js";

/** @typedef {import("./heatmap.js").LayerPicture} LayerPicture */
/** @typedef {{ x1: number, x2: number, count: number }} Bin */

/**
 * @param {LayerPicture[]} layers
 * @returns {import("./figure.js").Chart}
 */
export function histogramChart(layers) {
  const title = "Values of a layer";
  const runs = byRun(layers);
  const name = (/** @type {LayerPicture} */ layer) => [...runs.cell(layer), layer.layerId].join(", ");
  return {
    name: "values",
    title,
    note: "How many values fall in each of 101 equal bins. Between the dashed lines lie 99 of 100 values; what is outside stretches the range that a quantizer has to cover.",
    choice: { label: "Layer", options: layers.map((layer, i) => ({ value: String(i), label: name(layer) })) },
    draw: (Plot, { width, choice }) => {
      const layer = layers[Number(choice ?? 0)];
      return pairs({ title: `${title}: layer ${name(layer)}`, width, legend: [] }, (panelWidth) =>
        /** @type {const} */ (["K", "V"]).map((tensor) => {
          const { values } = tensor === "K" ? layer.k : layer.v;
          const odd = values.nonFinite > 0 ? `, ${whole(values.nonFinite)} NaN or infinite left out` : "";
          return {
            heading: `${tensor}: ±${digits3(values.limit)}, 99 % within ±${digits3(values.p99)}${odd}`,
            svg: panel(Plot, values, tensor, panelWidth),
          };
        }),
      );
    },
    table: () => ({
      columns: [...runs.column, "Layer", "Tensor", "Greatest |x|", "99 % within", "Zeros", "NaN or infinite"],
      rows: layers.flatMap((layer) =>
        /** @type {const} */ (["K", "V"]).map((tensor) => {
          const { values } = tensor === "K" ? layer.k : layer.v;
          return [...runs.cell(layer), layer.layerId, tensor, digits3(values.limit), digits3(values.p99), values.zeros, values.nonFinite];
        }),
      ),
    }),
  };
}

/** @param {Plot} Plot @param {import("../engine/core.js").Histogram} values @param {"K" | "V"} tensor @param {number} width */
function panel(Plot, values, tensor, width) {
  const limit = values.limit || 1;
  const step = (2 * limit) / values.counts.length;
  /** @type {Bin[]} */
  const bins = values.counts.map((/** @type {number} */ count, /** @type {number} */ i) => ({
    x1: -limit + i * step,
    x2: -limit + (i + 1) * step,
    count,
  }));
  const domain = [0.7, Math.max(2, ...values.counts) * 1.4];
  return Plot.plot({
    ...BASE,
    width,
    height: 220,
    x: { domain: [-limit * 1.02, limit * 1.02] },
    y: { type: "log", domain },
    marks: [
      ...valueAxis(Plot, "Values", {
        text: (/** @type {number} */ n) => (n >= 1 ? logTick(n) : ""),
        ticks: logTicks(domain).filter((n) => n >= 1),
      }),
      Plot.axisX({ ticks: 6, tickSize: 3, label: "Value", labelAnchor: "center", labelArrow: "none" }),
      Plot.rect(
        bins.filter(({ count }) => count > 0),
        { x1: "x1", x2: "x2", y1: 0.7, y2: "count", fill: colour[tensor], insetLeft: 0.3, insetRight: 0.3, className: `kv-bins-${tensor}` },
      ),
      Plot.ruleX([-values.p99, values.p99], { stroke: "var(--ink)", strokeWidth: 1.2, strokeDasharray: "3 3" }),
      Plot.ruleY([0.7], { stroke: "var(--ink)" }),
      Plot.tip(
        bins.filter(({ count }) => count > 0),
        Plot.pointerX({
          ...TIP,
          x: (/** @type {Bin} */ bin) => (bin.x1 + bin.x2) / 2,
          y: "count",
          title: (/** @type {Bin} */ bin) => `${digits3(bin.x1)} to ${digits3(bin.x2)}\n${whole(bin.count)} values`,
        }),
      ),
    ],
  });
}
