// Compression ratio of each layer, K and V, the stages one below the other: lossless filled, lossy hollow, the split as a line.

/** @import { Plot } from "./figure.js" */
import {
  BASE,
  TIP,
  columnsFor,
  layerAxis,
  layerScale,
  layersOf,
  markSize,
  panelWidth,
  splitMarks,
  times,
  valueAxis,
  whole,
} from "./axis.js";
import { byLayer } from "../figures.js";
import { stageName, stageOrder } from "./labels.js";
import { colour, marker, sheet } from "./svg.js";

/** @typedef {import("../figures.js").Stat} Stat */

/**
 * @param {Pick<import("../engine/core.js").Report, "rows">} report
 * @returns {import("./figure.js").Chart}
 */
export function ratioChart({ rows }) {
  const stats = byLayer(rows);
  const both = stats.some((stat) => stat.lossless) && stats.some((stat) => !stat.lossless);
  const title = "Compression ratio of each layer";
  return {
    name: "ratio-by-layer",
    title,
    note: "Raw bytes by compressed bytes; 1× saves nothing.",
    draw: (Plot, { width }) =>
      sheet({ title, width, legend: legend(stats, both), ...stagePanels(stats, width, (here, width) => panel(Plot, here, stats, width)) }),
    table: () => ({
      columns: ["Stage", "Layer", "Tensor", "Kind", "Captures", "Raw, bytes", "Compressed, bytes", "Ratio, ×"],
      rows: stats.map((stat) => [
        ...[stat.stage, stat.layerId, stat.tensor, stat.lossless ? "lossless" : "lossy"],
        ...[stat.captures, stat.raw, stat.size, stat.ratio.toFixed(3)],
      ]),
    }),
  };
}

/**
 * A panel for each stage, with its name where there are several; side by side where they fit.
 * @param {Stat[]} stats
 * @param {number} width of all
 * @param {(stats: Stat[], width: number) => SVGSVGElement} draw one stage
 */
export function stagePanels(stats, width, draw) {
  const stages = stageOrder(stats.map((stat) => stat.stage));
  const columns = columnsFor(layersOf(stats), stages.length, width);
  const panels = stages.map((stage) => {
    const here = stats.filter((stat) => stat.stage === stage);
    return { heading: stages.length > 1 ? stageHeading(stage, here) : "", svg: draw(here, panelWidth(width, columns)) };
  });
  return { columns, panels };
}

/** @param {string} stage @param {Stat[]} stats */
function stageHeading(stage, stats) {
  const captures = stats.filter((stat) => stat.tensor === "K").reduce((n, stat) => n + stat.captures, 0);
  return `${stageName(stage)}, ${whole(captures)} ${captures === 1 ? "capture" : "captures"}`;
}

/** @param {Stat[]} stats @param {boolean} both */
export function legend(stats, both) {
  return /** @type {const} */ (["K", "V"]).flatMap((tensor) =>
    both
      ? [
          { swatch: marker(tensor, false), text: `${tensor} lossless` },
          { swatch: marker(tensor, true), text: `${tensor} lossy` },
        ]
      : [{ swatch: marker(tensor, !stats[0]?.lossless), text: tensor }],
  );
}

/** @param {Plot} Plot @param {Stat[]} stats @param {Stat[]} all @param {number} width */
function panel(Plot, stats, all, width) {
  const layers = layersOf(all);
  const size = markSize(layers, width);
  const x = (/** @type {Stat} */ stat) => layers.at(stat.layerId) + size.beside[stat.tensor];
  const ratios = all.map((stat) => stat.ratio);
  const marks = /** @type {const} */ (["K", "V"]).flatMap((tensor) => {
    const of = stats.filter((stat) => stat.tensor === tensor);
    return [
      Plot.ruleX(of, { x, y1: 1, y2: "ratio", stroke: colour[tensor], strokeWidth: 1.4, strokeOpacity: 0.55 }),
      points(Plot, of, tensor, size, { x, y: "ratio" }),
    ];
  });
  return Plot.plot({
    ...BASE,
    width,
    height: 216,
    x: layerScale(layers),
    y: { domain: [Math.min(1, ...ratios), Math.max(1.1, ...ratios) * 1.04] },
    marks: [
      ...valueAxis(Plot, "Ratio, ×", { tickFormat: "~f" }),
      layerAxis(Plot, layers, width),
      Plot.ruleY([1], { stroke: "var(--ink)" }),
      splitMarks(Plot, layers),
      marks,
      Plot.tip(
        layers.ids.filter((id) => stats.some((stat) => stat.layerId === id)),
        Plot.pointerX({
          ...TIP,
          x: (/** @type {number} */ id) => layers.at(id),
          y: (/** @type {number} */ id) => Math.max(...stats.filter((stat) => stat.layerId === id).map((stat) => stat.ratio)),
          title: (/** @type {number} */ id) => tipText(stats.filter((stat) => stat.layerId === id)),
        }),
      ),
    ],
  });
}

/**
 * K's circles or V's squares, hollow where lossy.
 * @param {Plot} Plot @param {any[]} of @param {"K" | "V"} tensor @param {ReturnType<typeof markSize>} size @param {any} place
 */
export const points = (Plot, of, tensor, size, place) =>
  Plot.dot(of, {
    ...place,
    r: tensor === "K" ? size.r : size.r * 0.92,
    symbol: tensor === "K" ? "circle" : "square",
    fill: (/** @type {Stat} */ stat) => (stat.lossless ? colour[tensor] : "var(--page)"),
    stroke: colour[tensor],
    strokeWidth: size.strokeWidth,
    className: `kv-points-${tensor}`,
  });

/** @param {Stat[]} stats of one layer */
function tipText(stats) {
  const lines = stats.map((stat) => `${stat.tensor}  ${times(stat.ratio)}   ${whole(stat.raw)} → ${whole(stat.size)} B`);
  return [`Layer ${stats[0].layerId}, ${stats[0].lossless ? "lossless" : `lossy: ${stats[0].variant}`}`, ...lines].join("\n");
}
