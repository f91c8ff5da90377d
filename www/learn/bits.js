// A value as its bits: sign, exponent and mantissa in their colours, ones filled and zeros outlined.

import { h } from "../dom.js";

/** @typedef {[sign: number, exponent: number, mantissa: number]} Layout */

const PARTS = ["sign", "exponent", "mantissa"];

/** @param {number} bits @param {Layout} layout @returns {string} the bits as text, most significant first */
const bitText = (bits, layout) => (bits >>> 0).toString(2).padStart(layout[0] + layout[1] + layout[2], "0");

/**
 * @param {number} bits
 * @param {Layout} layout
 * @param {{ was?: number, cut?: boolean }} [look] `was`: earlier bits, of which changed ones are marked; `cut`: a gap between high and low half
 */
export function bitStrip(bits, layout, { was, cut } = {}) {
  const text = bitText(bits, layout);
  const before = was === undefined ? text : bitText(was, layout);
  const width = text.length;
  const cells = [...text].map((bit, i) => {
    const part = i < layout[0] ? 0 : i < layout[0] + layout[1] ? 1 : 2;
    const first = i === layout[0] || i === layout[0] + layout[1];
    const classes = [
      "bit",
      PARTS[part],
      bit === "1" ? "one" : "zero",
      first ? "first" : "",
      before[i] !== bit ? "changed" : "",
      cut && i === width / 2 ? "cut" : "",
    ];
    return h("span", { class: classes.filter(Boolean).join(" "), "aria-hidden": "true" }, bit);
  });
  return h("span", { class: "bits", role: "img", "aria-label": spoken(text, layout) }, cells);
}

/** @param {string} text @param {Layout} layout */
function spoken(text, [sign, exponent]) {
  return `sign ${text.slice(0, sign)}, exponent ${text.slice(sign, sign + exponent)}, mantissa ${text.slice(sign + exponent)}`;
}

/** The colours' meanings. @param {Layout} layout */
export const bitLegend = (layout) =>
  h(
    "p",
    { class: "bit-legend small" },
    PARTS.map((part, i) =>
      h(
        "span",
        {},
        h("span", { class: `bit one ${part}`, "aria-hidden": "true" }, ""),
        ` ${part}, ${layout[i]} ${layout[i] === 1 ? "bit" : "bits"}`,
      ),
    ),
  );

/**
 * How the bits make the value, as text: −1 × 1.375 × 2^−2.
 * @param {number} bits
 * @param {Layout} layout
 */
export function formula(bits, layout) {
  const [, exponentBits, mantissaBits] = layout;
  const text = bitText(bits, layout);
  const sign = text[0] === "1" ? "−1" : "+1";
  const exponent = Number.parseInt(text.slice(1, 1 + exponentBits), 2);
  const mantissa = Number.parseInt(text.slice(1 + exponentBits), 2);
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return [mantissa ? "not a number" : `${sign} × infinity`];
  const fraction = mantissa / 2 ** mantissaBits + (exponent === 0 ? 0 : 1);
  const power = exponent === 0 ? 1 - bias : exponent - bias;
  return [`${sign} × ${Number(fraction.toPrecision(8))} × 2`, h("sup", {}, String(power).replace("-", "−"))];
}
