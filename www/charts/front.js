// Size against error of every scheme on logarithmic axes: the front of each class, engines' formats by name, the limit as a line.

/** @import { Plot } from "./figure.js" */
import { BASE, TIP, digits3, FONT, logTick, logTicks, valueAxis } from "./axis.js";
import { most } from "../explore/search.js";
import { ORDER, bestOfReference, marksOf, named, pareto } from "./front-marks.js";
import { around, boxOf, placed } from "./names.js";
import { colour, s, sheet, stroke } from "./svg.js";

/** @import { Class, Explored } from "../engine/core.js" */
/** @import { Limit } from "../explore/search.js" */
/** @import { Mark, Side } from "./front-marks.js" */

/** @typedef {{ limit: () => Limit, redraw: () => void }} Live  the limit now; `redraw` is set by the chart for when it moves */

/** @type {Record<Class, { name: string, dash?: string }>} */
const CLASSES = {
  engine: { name: "engines as they are" },
  packed: { name: "other packed formats", dash: "4 3" },
  stored: { name: "stored by kvlens", dash: "1 3" },
  reference: { name: "methods of the four analyses", dash: "8 3 1 3" },
};
/** Corners of each class's mark, for a size of 1; engines' is a circle. @type {Record<Class, number[][]>} */
const CORNERS = {
  engine: [],
  packed: [
    [-1, -1],
    [1, -1],
    [1, 1],
    [-1, 1],
  ],
  stored: [
    [0, -1.3],
    [1.3, 0],
    [0, 1.3],
    [-1.3, 0],
  ],
  reference: [
    [0, -1.2],
    [1.15, 0.85],
    [-1.15, 0.85],
  ],
};
const AXES = {
  attention: "Attention error (7 × it is the estimated KL)",
  index: "Index: token error + 0.1 × first-token error",
  cosine: "1 − cosine",
};
/** The ringed mark. */
const BEST = "best of the four";
const HEIGHT = 380;
/** Margin for the last mark's name, px. */
const RIGHT = 24;
/** How far a mark reaches from its place, and the ring around one, px. */
const DOT = 5;
const RING = 8;

/** @param {Explored} explored @param {Live} live @returns {import("./figure.js").Chart | null} */
export function frontChart(explored, live) {
  if (explored.points.length === 0) return null;
  const title = "Size against error";
  return {
    name: "front",
    title,
    note: "Each mark is one scheme, its side information counted. Down and to the left is better; the line is the limit.",
    choice: {
      label: "Of",
      options: [
        { value: "kv", label: "K and V together" },
        { value: "k", label: "K" },
        { value: "v", label: "V" },
      ],
    },
    draw: (Plot, { width, choice, redraw, still }) => {
      if (!still) live.redraw = redraw;
      const limit = live.limit();
      const side = /** @type {Side} */ (choice ?? "kv");
      const all = marksOf(explored, side, limit.kind);
      const best = bestOfReference(explored, side, limit);
      const ringed = all.filter((mark) => mark.class === "reference" && mark.name === best);
      return sheet({
        title: `${title}, ${side === "kv" ? "K and V together" : side.toUpperCase()}`,
        width,
        legend: legend(all, ringed, paint(side)),
        panels: [{ svg: panel(Plot, all, ringed, limit, side, width) }],
      });
    },
    table: () => ({
      columns: ["Tensor", "Class", "Scheme", "Bits per value", "Ratio, ×", "Cosine", "Index", "Attention error"],
      rows: explored.points
        .filter(({ packed }) => !packed)
        .map((point) => [
          ...[point.tensor.toUpperCase(), CLASSES[point.class].name, named(point.scheme, point.engine)],
          ...[digits3(point.bitsPerValue), point.ratio.toFixed(3), Math.min(1, point.cosine).toFixed(6), digits3(point.index)],
          point.attentionError === null ? "–" : digits3(point.attentionError),
        ]),
    }),
  };
}

/** @param {Side} side */
const paint = (side) => (side === "kv" ? "var(--ink)" : colour[side === "k" ? "K" : "V"]);

/** The classes, and what is ringed: its name has no room in every chart. @param {Mark[]} all @param {Mark[]} ringed @param {string} ink */
const legend = (all, ringed, ink) => [
  ...ORDER.filter((of) => all.some((mark) => mark.class === of)).map((of) => ({
    swatch: s("g", {}, stroke(ink, CLASSES[of].dash, 1.2), shape(of, ink)),
    text: CLASSES[of].name,
  })),
  ...ringed.map(({ name }) => ({
    swatch: s("g", {}, shape("reference", ink), s("circle", { cx: 7, cy: 7, r: 6.5, fill: "none", stroke: ink, "stroke-width": 1.2 })),
    text: `${BEST}: ${name}`,
  })),
];

/** A class's mark in a legend. @param {Class} of @param {string} ink */
function shape(of, ink) {
  const look = { transform: "translate(7,7)", fill: "var(--page)", stroke: ink, "stroke-width": 1.5 };
  if (of === "engine") return s("circle", { r: 3.6, ...look });
  return s("polygon", { points: CORNERS[of].map(([x, y]) => `${x * 3.2},${y * 3.2}`).join(" "), ...look });
}

/** @param {Plot} Plot @param {Mark[]} all @param {Mark[]} ringed @param {Limit} limit @param {Side} side @param {number} width */
function panel(Plot, all, ringed, limit, side, width) {
  const ink = paint(side);
  const allowed = most(limit);
  const shown = all.filter(({ error }) => error > 0);
  const errors = [...shown.map(({ error }) => error), allowed];
  const y = [Math.min(...errors) / 1.4, Math.min(2, Math.max(...errors)) * 1.4];
  const bits = shown.map((mark) => mark.bits);
  const x = [Math.min(...bits) / 1.12, Math.max(...bits) * 1.12];
  const inside = shown.filter(({ error }) => error <= y[1]);
  // An error of 0, or one far off, has no place on the axis; the legend tells of it all the same.
  const marked = ringed.filter((mark) => inside.includes(mark));
  return Plot.plot({
    ...BASE,
    marginRight: RIGHT,
    width,
    height: HEIGHT,
    x: { type: "log", domain: x },
    y: { type: "log", domain: y },
    marks: [
      ...valueAxis(Plot, AXES[limit.kind], { text: logTick, ticks: logTicks(y) }),
      Plot.axisX({
        ticks: [0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32].filter((bit) => bit >= x[0] && bit <= x[1]),
        tickFormat: String,
        tickSize: 3,
        label: "Bits per value",
        labelAnchor: "center",
        labelArrow: "none",
      }),
      Plot.rect([0], { x1: x[0], x2: x[1], y1: y[0], y2: Math.min(allowed, y[1]), fill: "var(--accent)", fillOpacity: 0.07 }),
      Plot.ruleY([allowed], { stroke: "var(--accent)", strokeWidth: 1.6 }),
      ORDER.map((of) => {
        const marks = inside.filter((mark) => mark.class === of);
        return [
          Plot.line(pareto(marks), {
            x: "bits",
            y: "error",
            stroke: ink,
            strokeOpacity: 0.55,
            strokeWidth: 1.2,
            strokeDasharray: CLASSES[of].dash,
          }),
          Plot.dot(marks, {
            x: "bits",
            y: "error",
            symbol: { draw: (/** @type {any} */ context, /** @type {number} */ area) => drawShape(context, of, Math.sqrt(area / Math.PI)) },
            r: of === "engine" ? 4.2 : 3.4,
            fill: (/** @type {Mark} */ mark) => (mark.error <= allowed ? ink : "var(--page)"),
            stroke: ink,
            strokeWidth: 1.4,
          }),
        ];
      }),
      Plot.dot(marked, { x: "bits", y: "error", r: RING, stroke: ink, strokeWidth: 1.4 }),
      Plot.text(names(inside, marked, allowed, { x, y, width }), {
        x: { value: "x", scale: null },
        y: { value: "y", scale: null },
        text: "text",
        textAnchor: "start",
        fontSize: FONT,
        fill: { value: (/** @type {{ of: { fill: string } }} */ { of }) => of.fill, scale: null },
        stroke: "var(--page)",
        strokeWidth: 3,
      }),
      Plot.tip(
        inside,
        Plot.pointer({
          ...TIP,
          x: "bits",
          y: "error",
          title: (/** @type {Mark} */ mark) =>
            `${mark.name}\n${digits3(mark.bits)} bits per value\n${limit.kind === "cosine" ? "1 − cosine" : limit.kind === "index" ? "index" : "attention error"} ${digits3(mark.error)}`,
        }),
      ),
    ],
  });
}

/**
 * The names that have room: the limit's, of the ringed mark, and of engines' formats, first of those near the limit.
 * @param {Mark[]} marks @param {Mark[]} ringed @param {number} allowed @param {{ x: number[], y: number[], width: number }} scale
 */
function names(marks, ringed, allowed, { x, y, width }) {
  const frame = { left: BASE.marginLeft, top: BASE.marginTop - 10, right: width, bottom: HEIGHT - BASE.marginBottom };
  const share = (/** @type {number} */ value, /** @type {number[]} */ [low, high]) => Math.log(value / low) / Math.log(high / low);
  const height = (/** @type {number} */ error) => frame.bottom - share(error, y) * (frame.bottom - BASE.marginTop);
  const at = (/** @type {Mark} */ { bits, error }) => ({
    x: frame.left + share(bits, x) * (width - RIGHT - frame.left),
    y: height(error),
  });
  const line = height(allowed);
  const distance = (/** @type {Mark} */ { error }) => Math.abs(Math.log(error / allowed));
  const formats = pareto(marks.filter((mark) => mark.class === "engine")).sort((a, b) => distance(a) - distance(b));
  const ink = "var(--ink)";
  /** @type {(import("./names.js").Wanted & { fill: string })[]} */
  const wanted = [
    {
      fill: "var(--accent)",
      texts: [`limit ${digits3(allowed)}`],
      spots: [line - 11, line + 11].flatMap((y) => [
        { x: frame.left + 6, y, anchor: /** @type {const} */ ("start") },
        { x: frame.right - 6, y, anchor: /** @type {const} */ ("end") },
      ]),
    },
    ...ringed.map((mark) => ({
      fill: ink,
      texts: [BEST],
      spots: [RING, 2 * RING, 3 * RING].flatMap((rise) => around(at(mark), RING, rise)),
    })),
    ...formats.map((mark) => ({ fill: ink, texts: [shortName(mark)], spots: around(at(mark), DOT) })),
  ];
  const taken = [
    { ...frame, top: line - 1, bottom: line + 1 },
    ...marks.map((mark) => boxOf(at(mark), DOT)),
    ...ringed.map((mark) => boxOf(at(mark), RING)),
  ];
  return placed(wanted, taken, frame, FONT);
}

/** Without the engine. @param {Mark} mark */
const shortName = ({ name }) => name.replace(/ \([^)]*\)$/, "");

/** The class's mark on a path. @param {any} path @param {Class} of @param {number} r */
function drawShape(path, of, r) {
  if (of === "engine") {
    path.moveTo(r, 0);
    path.arc(0, 0, r, 0, 2 * Math.PI);
    return;
  }
  CORNERS[of].forEach(([x, y], i) => (i === 0 ? path.moveTo(x * r, y * r) : path.lineTo(x * r, y * r)));
  path.closePath();
}
