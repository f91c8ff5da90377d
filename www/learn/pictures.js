// The lesson's pictures that need no axes library: byte counts, bytes token by token, and sizes as bars.

import { whole } from "../charts/axis.js";
import { h } from "../dom.js";
import { s } from "../charts/svg.js";

/**
 * How often each byte value occurs: 256 bars.
 * @param {number[]} counts
 * @param {string} label
 * @param {string} colour
 */
export function byteBars(counts, label, colour) {
  const [width, height] = [512, 84];
  const top = Math.max(...counts, 1);
  const bars = counts
    .map((count, i) => (count > 0 ? `M${i * 2},${height}V${(height - (count / top) * (height - 4)).toFixed(1)}h1.6V${height}z` : ""))
    .join("");
  return [
    s(
      "svg",
      { class: "byte-bars", viewBox: `0 0 ${width} ${height + 1}`, role: "img", "aria-label": label },
      s("title", {}, label),
      s("path", { d: bars, fill: colour }),
      s("path", { d: `M0,${height + 0.5}H${width}`, stroke: "var(--ink)" }),
    ),
    // Outside the picture, so that it keeps its size where the picture shrinks.
    h(
      "div",
      { class: "byte-axis muted", "aria-hidden": "true" },
      [0, 64, 128, 192, 255].map((byte) => h("span", { style: { left: `${((byte + 0.5) / 256) * 100}%` } }, byte)),
    ),
  ];
}

const SHADES = 8;

/**
 * Bytes of one head: a row a token, a column a channel, darker the farther from 0 (as a signed byte where `signed`).
 * @param {number[][]} rows
 * @param {{ label: string, colour: string, signed: boolean, mark?: number }} look `mark`: row to point at
 */
export function byteMap(rows, { label, colour, signed, mark }) {
  const cell = 6;
  const [width, height] = [(rows[0]?.length ?? 0) * cell, rows.length * cell];
  const paths = Array.from({ length: SHADES }, () => "");
  rows.forEach((row, y) =>
    row.forEach((byte, x) => {
      // Of differences the square root, so that small ones still differ from none.
      const shade = signed ? Math.round(Math.sqrt(Math.min(byte, 256 - byte) / 128) * (SHADES - 1)) : byte >> 5;
      paths[shade] += `M${x * cell},${y * cell}h${cell}v${cell}h${-cell}z`;
    }),
  );
  return s(
    "svg",
    { class: "byte-map", viewBox: `-14 -8 ${width + 28} ${height + 16}`, role: "img", "aria-label": label },
    s("title", {}, label),
    s(
      "g",
      { "shape-rendering": "crispEdges" },
      ...paths.map((d, i) => s("path", { d, fill: colour, "fill-opacity": (0.04 + (0.96 * i) / (SHADES - 1)).toFixed(2) })),
    ),
    s("rect", { x: 0, y: 0, width, height, fill: "none", stroke: "var(--line-strong)" }),
    ...(mark === undefined
      ? []
      : [
          // Large enough to be seen where the map is as small as on a phone.
          s("path", {
            d: `M-13,${(mark + 0.5) * cell - 8}v16l11,-8zM${width + 13},${(mark + 0.5) * cell - 8}v16l-11,-8z`,
            fill: "var(--ink)",
          }),
        ]),
  );
}

/**
 * Sizes as bars on one scale: label, bar of parts, bytes.
 * @param {{ label: string, parts: { name: string, bytes: number, colour: string, faint?: boolean }[] }[]} bars
 */
export function sizeBars(bars) {
  const top = Math.max(...bars.map(({ parts }) => total(parts)), 1);
  return h(
    "dl",
    { class: "size-bars" },
    bars.map(({ label, parts }) => [
      h("dt", {}, label),
      h(
        "dd",
        {},
        h(
          "span",
          { class: "bar", "aria-hidden": "true" },
          parts.map(({ bytes, colour, faint }) =>
            h("span", { class: faint ? "faint" : false, style: { "flex-basis": `${(100 * bytes) / top}%`, "--fill": colour } }),
          ),
        ),
        h(
          "span",
          { class: "bytes" },
          parts.length > 1 ? `${parts.map(({ name, bytes }) => `${name} ${whole(bytes)}`).join(" + ")} = ` : "",
          h("strong", {}, `${whole(total(parts))} B`),
        ),
      ),
    ]),
  );
}

/** @param {{ bytes: number }[]} parts */
const total = (parts) => parts.reduce((sum, { bytes }) => sum + bytes, 0);

/**
 * A bar for each token, the first at the left. @param {string} title @param {number[]} values @param {string} colour
 * @param {(value: number) => string} text
 */
export function tokenBars(title, values, colour, text) {
  const [width, height] = [512, 64];
  const step = width / values.length;
  const top = Math.max(...values) || 1;
  const bars = values
    .map(
      (value, i) =>
        `M${(i * step).toFixed(2)},${height}V${(height - (value / top) * (height - 2)).toFixed(1)}h${(step * 0.8).toFixed(2)}V${height}z`,
    )
    .join("");
  const rest = values.slice(1);
  const words = `token 0: ${text(values[0])}${rest.length > 0 ? `; the others up to ${text(Math.max(...rest))}` : ""}`;
  return h(
    "figure",
    { class: "token-bars" },
    h("figcaption", {}, h("b", {}, title), h("span", { class: "small" }, ` ${words}`)),
    s(
      "svg",
      {
        class: "byte-bars",
        viewBox: `0 0 ${width} ${height + 1}`,
        preserveAspectRatio: "none",
        role: "img",
        "aria-label": `${title}, ${words}`,
      },
      s("path", { d: bars, fill: colour }),
      s("path", { d: `M0,${height + 0.5}H${width}`, stroke: "var(--ink)" }),
    ),
    h(
      "div",
      { class: "token-axis small muted", "aria-hidden": "true" },
      h("span", {}, "token 0"),
      h("span", {}, String(values.length - 1)),
    ),
  );
}
