// Size against error of every scheme on logarithmic axes: the front of each class, engines' formats by name, the limit as a line.

import { BASE, TIP, digits3, FONT, logTick, logTicks, valueAxis } from "./axis.js";
import { errorOf, measuredOffers, most, smallest, together } from "../explore/search.js";
import { colour, s, sheet, stroke } from "./svg.js";

/** @import { Class, Explored } from "../engine/core.js" */
/** @import { Kind, Limit, Offer } from "../explore/search.js" */

/** @typedef {"kv" | "k" | "v"} Side */
/** @typedef {{ name: string, class: Class, bits: number, error: number }} Mark */
/** @typedef {{ limit: () => Limit, redraw: () => void }} Live  the limit now; `redraw` is set by the chart for when it moves */

/** @type {Record<Class, { name: string, dash?: string }>} */
const CLASSES = {
  engine: { name: "engines as they are" },
  packed: { name: "other packed formats", dash: "4 3" },
  stored: { name: "stored by kvlens", dash: "1 3" },
  reference: { name: "methods of the four analyses", dash: "8 3 1 3" },
};
const ORDER = /** @type {Class[]} */ (Object.keys(CLASSES));
const SHAPES = /** @type {Record<Class, (r: number) => string>} */ ({
  engine: (r) => `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0z`,
  packed: (r) => `M${-r * 0.9},${-r * 0.9}h${r * 1.8}v${r * 1.8}h${-r * 1.8}z`,
  stored: (r) => `M0,${-r * 1.3}L${r * 1.3},0L0,${r * 1.3}L${-r * 1.3},0z`,
  reference: (r) => `M0,${-r * 1.2}L${r * 1.15},${r * 0.85}H${-r * 1.15}z`,
});
const AXES = {
  attention: "Attention error (7 × it is the estimated KL)",
  index: "Index: token error + 0.1 × first-token error",
  cosine: "1 − cosine",
};
const HEIGHT = 380;
/** Less room than this for a chart has shorter names in it, px. */
const NARROW = 560;

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
      return sheet({
        title: `${title}, ${side === "kv" ? "K and V together" : side.toUpperCase()}`,
        width,
        legend: legend(all, paint(side)),
        panels: [{ svg: panel(Plot, all, limit, side, width, bestOfReference(explored, side, limit)) }],
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

/** @param {string} scheme @param {string | null} engine */
const named = (scheme, engine) => (engine ? `${scheme} (${engine})` : scheme);

/** @param {Explored} explored @param {Side} side @param {Kind} kind @returns {Mark[]} */
function marksOf(explored, side, kind) {
  // K and V have equally many values.
  const values = (explored.points[0].bytes * 8) / explored.points[0].bitsPerValue;
  const finite = (/** @type {Offer} */ offer) => Number.isFinite(errorOf(offer, kind));
  if (side !== "kv") {
    return measuredOffers(explored, side)
      .filter(finite)
      .map((offer) => ({
        name: named(offer.scheme, offer.engine),
        class: offer.class,
        bits: (offer.bytes * 8) / values,
        error: errorOf(offer, kind),
      }));
  }
  const [ks, vs] = [measuredOffers(explored, "k").filter(finite), measuredOffers(explored, "v").filter(finite)];
  return ORDER.flatMap((of) => {
    /** @type {Mark[]} */
    const pairs = [];
    for (const k of ks) {
      for (const v of vs) {
        if (k.class !== of || v.class !== of || k.engine !== v.engine) continue;
        if (k.engine && k.engine !== "llama.cpp" && k.scheme !== v.scheme) continue;
        const name = k.scheme === v.scheme ? named(k.scheme, k.engine) : `K ${k.scheme}, ${named(`V ${v.scheme}`, v.engine)}`;
        pairs.push({
          name,
          class: of,
          bits: ((k.bytes + v.bytes) * 8) / values / 2,
          error: together(kind, errorOf(k, kind), errorOf(v, kind)),
        });
      }
    }
    return pareto(pairs);
  });
}

/** Those that no other beats in both. @param {Mark[]} marks */
function pareto(marks) {
  let least = Infinity;
  return [...marks]
    .sort((a, b) => a.bits - b.bits || a.error - b.error)
    .filter(({ error }) => {
      const better = error < least;
      least = Math.min(least, error);
      return better;
    });
}

/** The smallest within the limit by the four analyses' methods. @param {Explored} explored @param {Side} side @param {Limit} limit */
function bestOfReference(explored, side, limit) {
  const fits = (/** @type {Offer} */ offer) => offer.class === "reference";
  const [ks, vs] = [measuredOffers(explored, "k").filter(fits), measuredOffers(explored, "v").filter(fits)];
  const nothing = [{ ...(ks[0] ?? vs[0]), bytes: 0, gap: 0, index: 0, attention: 0, scheme: "" }];
  if (!ks.length || !vs.length) return null;
  const pair = smallest(side === "v" ? nothing : ks, side === "k" ? nothing : vs, limit, () => true);
  if (!pair) return null;
  const [k, v] = pair;
  if (side === "k") return named(k.scheme, k.engine);
  if (side === "v") return named(v.scheme, v.engine);
  return k.scheme === v.scheme ? k.scheme : `K ${k.scheme}, V ${v.scheme}`;
}

/** @param {Mark[]} all @param {string} ink */
const legend = (all, ink) =>
  ORDER.filter((of) => all.some((mark) => mark.class === of)).map((of) => ({
    swatch: s(
      "g",
      {},
      stroke(ink, CLASSES[of].dash, 1.2),
      s("path", { d: SHAPES[of](3.6), transform: "translate(7,7)", fill: "var(--page)", stroke: ink, "stroke-width": 1.5 }),
    ),
    text: CLASSES[of].name,
  }));

/** @param {any} Plot @param {Mark[]} all @param {Limit} limit @param {Side} side @param {number} width @param {string | null} reference */
function panel(Plot, all, limit, side, width, reference) {
  const ink = paint(side);
  const allowed = most(limit);
  const shown = all.filter(({ error }) => error > 0);
  const errors = [...shown.map(({ error }) => error), allowed];
  const y = [Math.min(...errors) / 1.4, Math.min(2, Math.max(...errors)) * 1.4];
  const bits = shown.map((mark) => mark.bits);
  const x = [Math.min(...bits) / 1.12, Math.max(...bits) * 1.12];
  const inside = shown.filter(({ error }) => error <= y[1]);
  const marked = inside.filter((mark) => mark.class === "reference" && mark.name === reference);
  // Where there is little room, what is within the limit has names, and the rest when pointed at.
  const isNamed = (/** @type {Mark} */ { class: of, error }) => of === "engine" && (width >= NARROW || error <= allowed);
  const labelled = apart(pareto(inside.filter(isNamed)), marked, x, y, width);
  // To the right and above few schemes lie: they would have more bits and more error.
  const room = marked.length > 0 ? (1 - Math.log(marked[0].bits / x[0]) / Math.log(x[1] / x[0])) * (width - 64) : 0;
  const isLate = (/** @type {Mark} */ { bits }) => Math.log(bits / x[0]) > 0.8 * Math.log(x[1] / x[0]);
  return Plot.plot({
    ...BASE,
    marginRight: 24,
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
      // So few bits at so little error no scheme has: the name lies on no mark.
      Plot.text([allowed], {
        x: () => x[0],
        y: (/** @type {number} */ at) => at,
        text: () => `limit ${digits3(allowed)}`,
        textAnchor: "start",
        dx: 6,
        dy: -7,
        fontSize: FONT,
        fill: "var(--accent)",
        stroke: "var(--page)",
        strokeWidth: 3,
      }),
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
      Plot.dot(marked, { x: "bits", y: "error", r: 8, stroke: ink, strokeWidth: 1.4 }),
      Plot.text(
        marked,
        label((/** @type {Mark} */ mark) => (room > 280 ? `${mark.name}: best of the four` : "best of the four"), {
          ...(room > 100 ? { dx: 12, dy: -14, textAnchor: "start" } : { dx: -12, dy: 12, textAnchor: "end" }),
        }),
      ),
      Plot.text(
        labelled.filter((mark) => !isLate(mark)),
        label(shortName, { dx: 8, dy: -6, textAnchor: "start" }),
      ),
      Plot.text(labelled.filter(isLate), label(shortName, { dx: -9, dy: 6, textAnchor: "end" })),
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

/** Without the engine. @param {Mark} mark */
const shortName = ({ name }) => name.replace(/ \([^)]*\)$/, "");

/**
 * Those whose names do not lie on one another, nor on what is named already, beside its mark.
 * @param {Mark[]} marks @param {Mark[]} named @param {number[]} x @param {number[]} y @param {number} width
 */
function apart(marks, named, x, y, width) {
  /** @type {Mark[]} */
  const kept = [];
  /** @param {number} a @param {number} b @param {number[]} domain @param {number} px */
  const distance = (a, b, [low, high], px) => (Math.abs(Math.log(a / b)) / Math.log(high / low)) * px;
  for (const mark of marks) {
    const near = (/** @type {number} */ px) => (/** @type {Mark} */ other) =>
      distance(mark.bits, other.bits, x, width) < px && distance(mark.error, other.error, y, HEIGHT) < 18;
    if (!kept.some(near(120)) && !named.some(near(width < NARROW ? 160 : 300))) kept.push(mark);
  }
  return kept;
}

/** @param {(mark: Mark) => string} text @param {object} place */
const label = (text, place) => ({
  x: "bits",
  y: "error",
  text,
  fontSize: FONT,
  fill: "var(--ink)",
  stroke: "var(--page)",
  strokeWidth: 3,
  ...place,
});

/** The class's mark on a path. @param {any} path @param {Class} of @param {number} r */
function drawShape(path, of, r) {
  if (of === "engine") {
    path.moveTo(r, 0);
    path.arc(0, 0, r, 0, 2 * Math.PI);
    return;
  }
  const corners = {
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
  }[of];
  corners.forEach(([x, y], i) => (i === 0 ? path.moveTo(x * r, y * r) : path.lineTo(x * r, y * r)));
  path.closePath();
}
