// All runs as points: how small the cache gets against the greater of K's and V's error, over the captures that all of them measured.

/** @import { Plot } from "./figure.js" */
import { BASE, TIP, digits3, logTick, logTicks, times, valueAxis } from "./axis.js";
import { logScale } from "./error.js";
import { sheet } from "./svg.js";
import { commonRows, rmseShare, totals } from "../figures.js";

/** Of the chart, px. */
const HEIGHT = 260;

/** @typedef {import("../engine/core.js").Row} Row */
/** @typedef {{ name: string, ratio: number, error: number }} Point */

/**
 * @param {{ name: string, rows: Row[] }[]} runs each with the rows of its one variant, or of its best
 * @returns {import("./figure.js").Chart | null} nothing where there are not two to tell apart
 */
export function allRunsChart(runs) {
  const shared = commonRows(runs.map(({ rows }) => rows));
  const points = runs.flatMap(({ name }, i) => {
    const common = shared[i];
    const { k, v, kvRatio } = totals(common);
    const share = (/** @type {typeof k} */ { errors }) => (errors ? rmseShare(errors) : 0);
    return common.length > 0 ? [{ name, ratio: kvRatio, error: Math.max(share(k), share(v)) }] : [];
  });
  if (points.length < 2) return null;
  const layers = new Set(shared[0].map((row) => row.layerId)).size;
  const title = "All runs: size against error";
  const axis = "RMSE as a share of the values, the greater of K and V";
  return {
    name: "all-runs",
    title,
    note: `Over the ${layers} ${layers === 1 ? "layer" : "layers"} that all of them measured. Up and to the left is better; a lossless run stands at the left edge.`,
    draw: (Plot, { width }) => {
      const { foot, ...x } = logScale(points.map(({ error }) => error));
      const at = (/** @type {Point} */ point) => point.error || foot;
      const ratios = points.map(({ ratio }) => ratio);
      const [low, high] = [Math.min(1, ...ratios), Math.max(...ratios) * 1.12];
      const svg = Plot.plot({
        ...BASE,
        width,
        height: HEIGHT,
        x,
        y: { domain: [low, high] },
        marks: [
          ...valueAxis(Plot, "KV ratio, ×", { tickFormat: "~f", ticks: 6 }),
          Plot.axisX({
            ticks: logTicks(x.domain),
            text: logTick,
            tickSize: 3,
            label: axis,
            labelAnchor: "center",
            labelArrow: "none",
          }),
          Plot.dot(points, { x: at, y: "ratio", r: 5, fill: "var(--ink)" }),
          ...named(Plot, points, at, x.domain, width, HEIGHT / (high - low)),
          Plot.tip(
            points,
            Plot.pointer({
              ...TIP,
              x: at,
              y: "ratio",
              title: (/** @type {Point} */ p) => `${p.name}\nKV ${times(p.ratio)}\nerror ${digits3(p.error)}`,
            }),
          ),
        ],
      });
      return sheet({ title, width, legend: [], panels: [{ svg }] });
    },
    table: () => ({
      columns: ["Run", "KV, ×", axis],
      rows: points.map(({ name, ratio, error }) => [name, ratio.toFixed(3), digits3(error)]),
    }),
  };
}

/** From a mark to a name above or below it, pixels. */
const ABOVE = 14;

/**
 * Names stand beside their marks, towards the middle: of two marks in one place neither lies on the other's name. Where two names would
 * meet in the middle, the upper one stands above its mark and the lower one below.
 * @param {Plot} Plot @param {Point[]} points @param {(point: Point) => number} at @param {number[]} domain @param {number} width
 * @param {number} perRatio pixels
 */
function named(Plot, points, at, [low, high], width, perRatio) {
  const place = (/** @type {Point} */ point) => Math.log(at(point) / low) / Math.log(high / low);
  const isLate = (/** @type {Point} */ point) => place(point) > 0.6;
  const gap = (/** @type {Point} */ a, /** @type {Point} */ b) =>
    Math.abs(place(a) - place(b)) * width - (a.name.length + b.name.length) * 6.5 - 20;
  const meets = (/** @type {Point} */ point) =>
    points.find((other) => isLate(other) !== isLate(point) && Math.abs(other.ratio - point.ratio) * perRatio < 14 && gap(point, other) < 0);
  const shift = (/** @type {Point} */ point) => {
    const other = meets(point);
    return other ? (point.ratio > other.ratio || (point.ratio === other.ratio && isLate(point)) ? -ABOVE : ABOVE) : 0;
  };
  const look = { x: at, y: "ratio", text: "name", fill: "var(--ink)", stroke: "var(--page)", strokeWidth: 3 };
  return [-ABOVE, 0, ABOVE].flatMap((dy) => [
    Plot.text(
      points.filter((point) => !isLate(point) && shift(point) === dy),
      { ...look, dx: dy ? -6 : 10, dy, textAnchor: "start" },
    ),
    Plot.text(
      points.filter((point) => isLate(point) && shift(point) === dy),
      { ...look, dx: dy ? 6 : -10, dy, textAnchor: "end" },
    ),
  ]);
}
