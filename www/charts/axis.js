// What the charts by layer share: an axis of layers at equal distances (a dump may hold layers 0, 1, 2, 8, 14 ... only), the split
// between lossless and lossy, and number formats of ticks.

/** @import { Plot } from "./figure.js" */
/** @typedef {import("../figures.js").Stat} Stat */

export const FONT = 11;

/**
 * Layers at 0, 1, 2, ... of a linear axis.
 * @typedef {object} Layers
 * @property {number[]} ids
 * @property {(layerId: number) => number} at
 * @property {number | null} split   where the first lossy layer begins; null where all layers are of one kind
 */

/** @param {Stat[]} stats @returns {Layers} */
export function layersOf(stats) {
  const ids = [...new Set(stats.map((stat) => stat.layerId))].sort((a, b) => a - b);
  const places = new Map(ids.map((id, i) => [id, i]));
  const lossless = new Set(stats.filter((stat) => stat.lossless).map((stat) => stat.layerId));
  const first = ids.findIndex((id) => !lossless.has(id));
  return { ids, at: (layerId) => places.get(layerId) ?? -1, split: first > 0 ? first - 0.5 : null };
}

/**
 * How large marks may be, so that K's and V's stand side by side within their layer, and layers apart.
 * @param {Layers} layers @param {number} width
 * @returns {{ r: number, strokeWidth: number, beside: Record<"K" | "V", number> }} `beside`: where K and V stand beside their layer's place
 */
export function markSize(layers, width) {
  const room = (width - BASE.marginLeft - BASE.marginRight) / (layers.ids.length + 0.2);
  const r = Math.min(4, Math.max(1.2, room / 6.5));
  const beside = Math.min(0.25, Math.max(0.15, (r + 1) / room));
  return { r, strokeWidth: r < 3 ? 1.1 : 1.8, beside: { K: -beside, V: beside } };
}

/** Plot's x options for layers. @param {Layers} layers */
export const layerScale = (layers) => ({ domain: [-0.6, layers.ids.length - 0.4], axis: null });

/**
 * The layer axis: every layer's number where there is room.
 * @param {Plot} Plot @param {Layers} layers @param {number} width
 */
export function layerAxis(Plot, layers, width) {
  const room = (width - 60) / Math.max(1, layers.ids.length);
  const digits = Math.max(...layers.ids.map((id) => String(id).length), 1);
  const every = [1, 2, 4, 5, 8, 10, 20, 50].find((step) => room * step >= digits * 7 + 5) ?? 100;
  return Plot.axisX({
    ticks: layers.ids.map((_, i) => i).filter((i) => i % every === 0),
    tickFormat: (/** @type {number} */ i) => String(layers.ids[i]),
    tickSize: 3,
    label: "Layer",
    labelAnchor: "center",
    labelArrow: "none",
  });
}

/**
 * The axis of charts that have a row for each layer.
 * @param {Plot} Plot @param {{ layerId: number }[]} layers @param {{ middle?: number, every?: number }} [rows] where a row's middle lies, and which are numbered
 */
export const rowAxis = (Plot, layers, { middle = 0, every = 1 } = {}) =>
  Plot.axisY({
    ticks: layers.map((_, i) => i + middle).filter((_, i) => i % every === 0),
    tickFormat: (/** @type {number} */ at) => String(layers[Math.floor(at)].layerId),
    tickSize: 0,
    label: "Layer",
    labelAnchor: "top",
    labelArrow: "none",
    labelOffset: 46,
  });

/**
 * A horizontal grid with its labels, and the axis's name above it. `text` is for logarithmic axes, whose `tickFormat` would leave labels out.
 * @param {Plot} Plot @param {string} label @param {any} [options]
 */
export const valueAxis = (Plot, label, options = {}) => [
  Plot.gridY({ stroke: "var(--line)", strokeOpacity: 1, ticks: options.ticks }),
  Plot.axisY({ label, labelArrow: "none", labelAnchor: "top", labelOffset: 46, tickSize: 0, tickPadding: 6, ...options }),
];

/**
 * Whether stages stand side by side: where the layers are few enough for half the width.
 * @param {Layers} layers @param {number} stages @param {number} width
 */
export const columnsFor = (layers, stages, width) => (stages === 2 && width >= 760 && layers.ids.length <= width / 2 / 24 ? 2 : 1);

/** The width of one of `columns` panels: they have 16 px between them. @param {number} width @param {number} columns */
export const panelWidth = (width, columns) => (width - 16 * (columns - 1)) / columns;

/**
 * The line between lossless and lossy layers, with both words.
 * @param {Plot} Plot @param {Layers} layers
 */
export function splitMarks(Plot, layers) {
  if (layers.split === null) return [];
  const word = { frameAnchor: "top", dy: -8, fill: "var(--muted)", fontSize: FONT };
  return [
    Plot.ruleX([layers.split], { stroke: "var(--ink)", strokeWidth: 1.2, strokeDasharray: "3 3", className: "kv-split" }),
    Plot.text([layers.split], { ...word, x: (/** @type {number} */ x) => x, text: () => "lossless", textAnchor: "end", dx: -6 }),
    Plot.text([layers.split], { ...word, x: (/** @type {number} */ x) => x, text: () => "lossy", textAnchor: "start", dx: 6 }),
  ];
}

/** @param {number} n */
export const whole = (n) => Math.round(n).toLocaleString("en-US");

/** 3 significant digits, for errors. @param {number} e */
export function digits3(e) {
  if (e === 0) return "0";
  return Math.abs(e) >= 1e-4 && Math.abs(e) < 1e6
    ? String(Number(e.toPrecision(3)))
    : e.toExponential(2).replace("e-", "e−").replace("e+", "e");
}

/** @param {number} r */
export const times = (r) => (r > 0 ? `${r.toFixed(3)}×` : "–");

/**
 * Ticks of a logarithmic axis: powers of ten, or multiples of them where fewer than three would show, or equal steps where the axis
 * covers less than that.
 * @param {number[]} domain
 * @returns {number[]}
 */
export function logTicks([low, high]) {
  const powers = [];
  for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++) powers.push(p);
  for (const factors of [[1], [1, 2, 5], [1, 2, 3, 4, 6, 8]]) {
    const ticks = powers.flatMap((p) => factors.map((n) => Number(`${n}e${p}`))).filter((e) => e >= low && e <= high);
    if (ticks.length >= 3) return ticks;
  }
  const fine = Number(`1e${Math.floor(Math.log10((high - low) / 2))}`);
  const step = [1, 2, 5].map((n) => n * fine).find((step) => (high - low) / step <= 6) ?? 10 * fine;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** 0.002 -> "0.002", 1e-6 -> "10⁻⁶" @param {number} e */
export function logTick(e) {
  const power = Math.floor(Math.log10(e) + 1e-9);
  if (power >= -3 && power <= 3) return String(Number(e.toPrecision(3)));
  const factor = Number((e / 10 ** power).toPrecision(3));
  const raised = [...String(power)].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("");
  return `${factor === 1 ? "" : `${factor}·`}10${raised}`;
}

/** The unit in which the largest of `values` bytes is best read. @param {number[]} values @returns {{ name: string, size: number }} */
export function byteUnit(values) {
  const top = Math.max(...values, 0);
  return top >= 2e9
    ? { name: "GB", size: 1e9 }
    : top >= 1e6
      ? { name: "MB", size: 1e6 }
      : top >= 2e3
        ? { name: "kB", size: 1e3 }
        : { name: "bytes", size: 1 };
}

/** What every panel has in common. */
export const BASE = {
  marginLeft: 46,
  marginRight: 10,
  marginTop: 32,
  marginBottom: 36,
  style: { fontSize: `${FONT}px`, color: "var(--ink)" },
};

/** Of every label under the pointer. */
export const TIP = { lineHeight: 1.3, lineWidth: 60 };
