// The picture of what settings cost: every setting of one tensor as a point, ratio against error.

import { BASE, TIP, digits3, logTick, logTicks, times, valueAxis } from "../charts/axis.js";
import { logScale } from "../charts/error.js";
import { PAPER, caption, figure, stillPicture } from "../charts/figure.js";
import { loadPlot } from "../charts/index.js";
import { colour, s, sheet } from "../charts/svg.js";
import { fill, h } from "../dom.js";
import { sizeOf } from "./steps.js";

/** @import { Lesson, Method } from "../engine/core.js" */
/** The lesson under another setting. @typedef {(method: Method, bits: number) => Promise<Lesson>} Ask */
/** @typedef {{ method: string, bits: number, ratio: number, mae: number }} Point */

/** Few enough to be ready at once on the sample, enough to see the curves. @type {[Method, number][]} */
const SETTINGS = [
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((bits) => /** @type {[Method, number]} */ (["truncate", bits])),
  ...[3, 4, 5, 6, 7, 8, 9, 10].map((bits) => /** @type {[Method, number]} */ (["quant", bits])),
];

/** Lines do not strike through them. */
const WORDS = { fill: "var(--muted)", stroke: "var(--page)", strokeWidth: 3 };

export function curveFigure() {
  const node = h("div", { class: "kv-charts" });
  let [measured, drawn] = ["", ""];
  /** @type {Point[]} */
  let points = [];
  return { node, measure, draw, onPaper };

  /**
   * @param {string} key of the tensor: the same one is not measured again
   * @param {Lesson} lesson
   * @param {Ask} ask
   * @param {() => boolean} wanted
   * @returns {Promise<Point[] | null>} null where they are not wanted any more
   */
  async function measure(key, lesson, ask, wanted) {
    if (measured === key) return points;
    measured = "";
    points = [];
    for (const [method, bits] of SETTINGS) {
      if (method === "truncate" && bits >= lesson.layout[2]) continue;
      const { rawBytes, after, errors } = await ask(method, bits);
      if (!wanted()) return null;
      points.push({ method, bits, ratio: rawBytes / sizeOf(after), mae: errors.mae });
    }
    measured = key;
    return points;
  }

  /** @param {Point[]} points @param {Lesson} lesson @param {"k" | "v"} tensor */
  async function draw(points, lesson, tensor) {
    if (drawn === measured) return;
    drawn = measured;
    fill(node, figure(await loadPlot(), chart(points, lesson, tensor)));
  }

  /** The same in a place of its own that is on no screen, where the page's figure would wait to be seen. */
  function onPaper() {
    const node = h("figure", { class: "kv-chart", "data-chart": "lesson-curve" });
    /** @param {Point[]} points @param {Lesson} lesson @param {"k" | "v"} tensor */
    const draw = async (points, lesson, tensor) => {
      const drawn = chart(points, lesson, tensor);
      fill(node, caption(drawn), stillPicture(await loadPlot(), drawn, PAPER));
    };
    return { node, measure, draw };
  }
}

/** @param {Point[]} points @param {Lesson} lesson @param {"k" | "v"} side @returns {import("../charts/figure.js").Chart} */
function chart(points, lesson, side) {
  const tensor = side === "k" ? "K" : "V";
  const lossless = lesson.rawBytes / sizeOf(lesson.before);
  const title = "Ratio against error of this tensor";
  const shapes = /** @type {Record<string, string>} */ ({ truncate: "square", quant: "circle" });
  const ink = { fill: "var(--page)", stroke: "var(--ink)", "stroke-width": 1.7 };
  const { foot, ...scale } = logScale(points.map(({ mae }) => mae));
  const top = Math.max(...points.map(({ ratio }) => ratio));
  return {
    name: "lesson-curve",
    title,
    note: "Labels are bits. The line is the lossless ratio.",
    draw: (Plot, { width }) =>
      sheet({
        title,
        width,
        legend: [
          { swatch: s("rect", { x: 3, y: 3, width: 8, height: 8, ...ink }), text: "truncate, mantissa bits" },
          { swatch: s("circle", { cx: 7, cy: 7, r: 4.2, ...ink }), text: "quantize, bits" },
        ],
        panels: [
          {
            svg: Plot.plot({
              ...BASE,
              width,
              height: 300,
              x: scale,
              y: { domain: [Math.min(1, lossless), top * 1.06] },
              symbol: { type: "ordinal", domain: Object.keys(shapes), range: Object.values(shapes) },
              marks: [
                ...valueAxis(Plot, "Ratio, ×", { tickFormat: "~f", ticks: 6 }),
                Plot.axisX({
                  ticks: logTicks(scale.domain),
                  text: logTick,
                  tickSize: 3,
                  label: "Mean absolute error",
                  labelAnchor: "center",
                  labelArrow: "none",
                }),
                Plot.ruleY([Math.min(1, lossless)], { stroke: "var(--ink)" }),
                Plot.ruleY([lossless], { stroke: "var(--ink)", strokeDasharray: "3 3" }),
                Plot.text([lossless], {
                  y: (/** @type {number} */ ratio) => ratio,
                  frameAnchor: "right",
                  textAnchor: "end",
                  dx: -4,
                  dy: -7,
                  text: (/** @type {number} */ ratio) => `lossless ${times(ratio)}`,
                  ...WORDS,
                }),
                Plot.line(points, { x: "mae", y: "ratio", z: "method", stroke: colour[tensor], strokeWidth: 1.2, strokeOpacity: 0.6 }),
                Plot.dot(points, {
                  x: "mae",
                  y: "ratio",
                  symbol: "method",
                  r: 4,
                  fill: "var(--page)",
                  stroke: colour[tensor],
                  strokeWidth: 1.8,
                }),
                Object.keys(shapes).map((method) =>
                  Plot.text(
                    points.filter((point) => point.method === method),
                    { x: "mae", y: "ratio", text: "bits", dy: method === "truncate" ? -12 : 13, ...WORDS },
                  ),
                ),
                Plot.tip(
                  points,
                  Plot.pointer({
                    ...TIP,
                    x: "mae",
                    y: "ratio",
                    maxRadius: 30,
                    title: (/** @type {Point} */ { method, bits, ratio, mae }) =>
                      `${method === "quant" ? "Quantize" : "Truncate"}, ${bits} bits\nRatio ${times(ratio)}\nMean absolute error ${digits3(mae)}`,
                  }),
                ),
              ],
            }),
          },
        ],
      }),
    table: () => ({
      columns: ["Method", "Bits", "Ratio, ×", "Mean absolute error"],
      rows: points.map(({ method, bits, ratio, mae }) => [method, bits, ratio.toFixed(3), digits3(mae)]),
    }),
  };
}
