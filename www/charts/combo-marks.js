// The mark of a sweep's combination: its form tells the bits, its size the block size, and the direction of its whisker the top-k ratio.

import { s } from "./svg.js";

/** @typedef {import("./limits.js").Combo} Combo */

const SHAPES = [
  (/** @type {number} */ r) => `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0z`,
  (/** @type {number} */ r) => `M${-r * 0.9},${-r * 0.9}h${r * 1.8}v${r * 1.8}h${-r * 1.8}z`,
  (/** @type {number} */ r) => `M0,${-r * 1.3}L${r * 1.3},0L0,${r * 1.3}L${-r * 1.3},0z`,
  (/** @type {number} */ r) => `M0,${-r * 1.2}L${r * 1.15},${r * 0.85}H${-r * 1.15}z`,
  (/** @type {number} */ r) => `M0,${r * 1.2}L${r * 1.15},${-r * 0.85}H${-r * 1.15}z`,
  (/** @type {number} */ r) => cross(r * 1.15, r * 0.42),
  (/** @type {number} */ r) => star(r * 1.4, r * 0.62),
  (/** @type {number} */ r) => `M${-r * 1.3},${-r * 0.6}h${r * 2.6}v${r * 1.2}h${-r * 2.6}z`,
  (/** @type {number} */ r) => `M${-r * 0.6},${-r * 1.3}h${r * 1.2}v${r * 2.6}h${-r * 1.2}z`,
  (/** @type {number} */ r) => `M${-r * 1.2},0L${-r * 0.6},${-r}H${r * 0.6}L${r * 1.2},0L${r * 0.6},${r}H${-r * 0.6}z`,
];

/** A plus sign. @param {number} r half its size @param {number} w half an arm's width */
const cross = (r, w) => `M${-w},${-r}H${w}V${-w}H${r}V${w}H${w}V${r}H${-w}V${w}H${-r}V${-w}H${-w}z`;

/** Five points. @param {number} outer @param {number} inner */
const star = (outer, inner) =>
  `M${Array.from({ length: 10 }, (_, i) => {
    const [r, angle] = [i % 2 ? inner : outer, (Math.PI * i) / 5 - Math.PI / 2];
    return `${(r * Math.cos(angle)).toFixed(2)},${(r * Math.sin(angle)).toFixed(2)}`;
  }).join("L")}z`;

/** Segments of a digit as a display of seven has them: from top to bottom, left before right. @type {[number, number, number, number][]} */
const SEGMENTS = [
  [0, 0, 1, 0],
  [0, 0, 0, 1],
  [1, 0, 1, 1],
  [0, 1, 1, 1],
  [0, 1, 0, 2],
  [1, 1, 1, 2],
  [0, 2, 1, 2],
];
const DIGITS = ["012456", "25", "02346", "02356", "1235", "01356", "013456", "025", "0123456", "012356"].map((lit) => [...lit].map(Number));

/** A number in strokes: where there are more values than forms. @param {number} value @param {number} r half its height */
function digits(value, r) {
  const [wide, high] = [r * 0.9, r];
  return [...String(value)]
    .map((digit, place, { length }) => {
      const left = (place - length / 2) * wide * 1.5 + wide * 0.25;
      const strokes = DIGITS[Number(digit)].map((segment) => SEGMENTS[segment]);
      return strokes.map(([x1, y1, x2, y2]) => `M${left + x1 * wide},${(y1 - 1) * high}L${left + x2 * wide},${(y2 - 1) * high}`).join("");
    })
    .join("");
}

/** @param {number[]} values */
const distinct = (values) => [...new Set(values)].sort((a, b) => a - b);
const bitsOf = (/** @type {Combo[]} */ all) => distinct(all.map(({ bits }) => bits));
const blocksOf = (/** @type {Combo[]} */ all) => distinct(all.map(({ blockSize }) => blockSize));
const ratiosOf = (/** @type {Combo[]} */ all) => distinct(all.map(({ topkRatio }) => topkRatio));

/** @param {number[]} values all @param {number} value one of them @param {number} r */
const form = (values, value, r) => (values.length <= SHAPES.length ? SHAPES[values.indexOf(value)](r) : digits(value, r));

/** @param {Combo[]} all @param {Combo} combo */
function radius(all, combo) {
  const blocks = blocksOf(all);
  return 3.6 + (blocks.length > 1 ? (2.6 * blocks.indexOf(combo.blockSize)) / (blocks.length - 1) : 1);
}

/** @param {Combo[]} all @param {Combo} combo @param {number} [grow] */
export const markPath = (all, combo, grow = 0) => form(bitsOf(all), combo.bits, radius(all, combo) + grow);

/** A stroke from the mark outwards, clockwise from the top as top-k ratios grow; nothing where they are all the same. @param {Combo[]} all @param {Combo} combo */
export function whiskerPath(all, combo) {
  const ratios = ratiosOf(all);
  return ratios.length > 1 ? whisker(ratios.indexOf(combo.topkRatio), ratios.length, radius(all, combo)) : "";
}

/** @param {number} place @param {number} count @param {number} r */
function whisker(place, count, r) {
  const angle = (2 * Math.PI * place) / Math.max(4, count) - Math.PI / 2;
  const at = (/** @type {number} */ far) => `${(far * Math.cos(angle)).toFixed(2)},${(far * Math.sin(angle)).toFixed(2)}`;
  return `M${at(r)}L${at(r + 5)}`;
}

/** @param {Combo[]} all */
export function markLegend(all) {
  const ink = { fill: "var(--page)", stroke: "var(--ink)", "stroke-width": 1.6, transform: "translate(7,7)" };
  const [bits, blocks, ratios] = [bitsOf(all), blocksOf(all), ratiosOf(all)];
  return [
    ...(bits.length <= SHAPES.length
      ? bits.map((value) => ({ swatch: s("path", { d: form(bits, value, 4.4), ...ink }), text: `${value} bits` }))
      : [{ swatch: s("path", { d: digits(bits[0], 4.4), ...ink }), text: `bits, ${bits[0]} to ${bits.at(-1)}` }]),
    ...(blocks.length > 1
      ? [
          {
            swatch: s(
              "g",
              {},
              s("circle", { cx: 3, cy: 7, r: 2, fill: "var(--ink)" }),
              s("circle", { cx: 11, cy: 7, r: 3.4, fill: "var(--ink)" }),
            ),
            text: `block size ${blocks.join(", ")}`,
          },
        ]
      : []),
    ...(ratios.length > 1
      ? ratios.map((ratio, place) => ({
          swatch: s(
            "g",
            { transform: "translate(7,7)" },
            s("circle", { r: 1.6, fill: "var(--ink)" }),
            s("path", { d: whisker(place, ratios.length, 1.6), stroke: "var(--ink)", "stroke-width": 1.6 }),
          ),
          text: `top-k ${ratio}`,
        }))
      : []),
  ];
}
