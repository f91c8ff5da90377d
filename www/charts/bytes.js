// Where the bytes go: the compressed bytes of each layer's K and V, stacked by plane; the raw size as a line above.

/** @import { Plot } from "./figure.js" */
import { BASE, TIP, byteUnit, layerAxis, layerScale, layersOf, splitMarks, valueAxis, whole } from "./axis.js";
import { stagePanels } from "./ratio.js";
import { byLayer } from "../figures.js";
import { stageOrder } from "./labels.js";
import { colour, ink as newInk, s, sheet, square, stroke } from "./svg.js";

/** @typedef {import("../figures.js").Stat} Stat */
/** @typedef {{ stat: Stat, part: "hi" | "lo" | "extra", from: number, to: number }} Slice */

const NAMES = { hi: "high plane", lo: "low plane", extra: "scales and index" };
const OPACITY = { hi: 1, lo: 0.4, extra: 0 };

/**
 * @param {Pick<import("../engine/core.js").Report, "rows">} report
 * @returns {import("./figure.js").Chart}
 */
export function bytesChart({ rows }) {
  const stats = byLayer(rows);
  const stages = stageOrder(stats.map((stat) => stat.stage));
  const title = "Where the bytes go";
  return {
    name: "bytes-by-layer",
    title,
    note: `Compressed bytes of each layer, K left and V right, by plane.${stages.length > 1 ? " Each stage has its own scale." : ""}`,
    draw: (Plot, { width }) => {
      const ink = newInk();
      return sheet({
        title,
        width,
        ink,
        legend: legend(stats, ink),
        ...stagePanels(stats, width, (here, width) => panel(Plot, here, stats, width, ink)),
      });
    },
    table: () => ({
      columns: [
        "Stage",
        "Layer",
        "Tensor",
        "Kind",
        "Raw, bytes",
        "High plane, bytes",
        "Low plane, bytes",
        "Scales and index, bytes",
        "Bits per value",
      ],
      rows: stats.map((stat) => [
        ...[stat.stage, stat.layerId, stat.tensor, stat.lossless ? "lossless" : "lossy"],
        ...[stat.raw, stat.hi, stat.split ? stat.lo : "–", stat.extra, bitsPerValue(stat).toFixed(3)],
      ]),
    }),
  };
}

/** @param {Stat} stat */
const bitsPerValue = (stat) => (stat.elements > 0 ? (stat.size * 8) / stat.elements : 0);

/** @param {Stat[]} stats @param {import("./svg.js").Ink} ink */
function legend(stats, ink) {
  const items = /** @type {const} */ (["K", "V"]).flatMap((tensor) =>
    /** @type {const} */ (["hi", "lo"])
      .filter((part) => part === "hi" || stats.some((stat) => stat.split))
      .map((part) => ({
        swatch: square(colour[tensor], colour[tensor], OPACITY[part]),
        text: `${tensor} ${stats.some((stat) => stat.split) ? NAMES[part] : "compressed"}`,
      })),
  );
  if (stats.some((stat) => stat.extra > 0)) items.push({ swatch: square("none", "var(--muted)"), text: NAMES.extra });
  if (stats.some((stat) => !stat.lossless)) items.push({ swatch: square(ink.fill("K", true), colour.K), text: "hatched: lossy" });
  return [...items, { swatch: stroke("var(--ink)", undefined, 1.2), text: "raw" }];
}

/** @param {Stat[]} stats @returns {Slice[]} */
function slices(stats) {
  return stats.flatMap((stat) => {
    let from = 0;
    return /** @type {const} */ (["hi", "lo", "extra"])
      .filter((part) => stat[part] > 0)
      .map((part) => ({ stat, part, from, to: (from += stat[part]) }));
  });
}

/** @param {Plot} Plot @param {Stat[]} stats @param {Stat[]} all @param {number} width @param {import("./svg.js").Ink} ink */
function panel(Plot, stats, all, width, ink) {
  const layers = layersOf(all);
  const unit = byteUnit(stats.map((stat) => stat.raw));
  const left = (/** @type {Stat} */ stat) => layers.at(stat.layerId) + (stat.tensor === "K" ? -0.4 : 0.03);
  const right = (/** @type {Stat} */ stat) => left(stat) + 0.37;
  const top = Math.max(...stats.map((stat) => Math.max(stat.raw, stat.size))) / unit.size;
  const parts = slices(stats);
  const bars = /** @type {const} */ (["K", "V"]).flatMap((tensor) =>
    [false, true].flatMap((lossy) =>
      /** @type {const} */ (["hi", "lo", "extra"]).map((part) =>
        Plot.rect(
          parts.filter((slice) => slice.part === part && slice.stat.tensor === tensor && slice.stat.lossless !== lossy),
          {
            x1: (/** @type {Slice} */ slice) => left(slice.stat),
            x2: (/** @type {Slice} */ slice) => right(slice.stat),
            y1: (/** @type {Slice} */ slice) => slice.from / unit.size,
            y2: (/** @type {Slice} */ slice) => slice.to / unit.size,
            fill: part === "extra" ? "none" : ink.fill(tensor, lossy),
            fillOpacity: OPACITY[part],
            stroke: colour[tensor],
            strokeWidth: 0.8,
            className: `kv-bytes-${tensor}-${part}`,
          },
        ),
      ),
    ),
  );
  const svg = Plot.plot({
    ...BASE,
    width,
    height: 216,
    x: layerScale(layers),
    y: { domain: [0, top * 1.03] },
    marks: [
      ...valueAxis(Plot, unit.name === "bytes" ? "Bytes" : `Bytes, ${unit.name}`, { tickFormat: "~f" }),
      layerAxis(Plot, layers, width),
      bars,
      Plot.ruleY(stats, {
        x1: left,
        x2: right,
        y: (/** @type {Stat} */ stat) => stat.raw / unit.size,
        stroke: "var(--ink)",
        strokeWidth: 1.2,
      }),
      Plot.ruleY([0], { stroke: "var(--ink)" }),
      splitMarks(Plot, layers),
      Plot.tip(
        layers.ids.filter((id) => stats.some((stat) => stat.layerId === id)),
        Plot.pointerX({
          ...TIP,
          x: (/** @type {number} */ id) => layers.at(id),
          y: (/** @type {number} */ id) => Math.max(...stats.filter((stat) => stat.layerId === id).map((stat) => stat.size)) / unit.size,
          title: (/** @type {number} */ id) => tipText(stats.filter((stat) => stat.layerId === id)),
        }),
      ),
    ],
  });
  joinHatched(svg);
  return svg;
}

/** Fills bars that have the same hatches as one path: a PDF has a picture of half a page for each that is filled by itself. @param {SVGElement} svg */
function joinHatched(svg) {
  for (const bars of svg.querySelectorAll('g[fill^="url("]')) {
    const outlines = [...bars.querySelectorAll("rect")].map((bar) => {
      const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => bar.getAttribute(name));
      return `M${x},${y}h${width}v${height}h-${width}z`;
    });
    bars.prepend(s("path", { d: outlines.join(""), fill: bars.getAttribute("fill"), stroke: "none" }));
    bars.setAttribute("fill", "none");
  }
}

/** @param {Stat[]} stats of one layer */
function tipText(stats) {
  return [
    `Layer ${stats[0].layerId}, ${stats[0].lossless ? "lossless" : `lossy: ${stats[0].variant}`}`,
    ...stats.flatMap((stat) => [
      `${stat.tensor}  ${whole(stat.raw)} → ${whole(stat.size)} B, ${bitsPerValue(stat).toFixed(2)} bits per value`,
      stat.split ? `    high ${whole(stat.hi)}, low ${whole(stat.lo)}${stat.extra ? `, scales and index ${whole(stat.extra)}` : ""}` : "",
    ]),
  ]
    .filter(Boolean)
    .join("\n");
}
