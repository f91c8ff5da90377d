// Two results over the same layers: each layer's figure goes from a hollow mark (A) to a filled one (B).

/** @import { Plot } from "./figure.js" */
import { BASE, TIP, digits3, layerAxis, layerScale, layersOf, logTick, logTicks, markSize, times, valueAxis } from "./axis.js";
import { logScale } from "./error.js";
import { stagePanels } from "./ratio.js";
import { byLayer } from "../figures.js";
import { ERRORS } from "./labels.js";
import { colour, marker, sheet } from "./svg.js";

/** @typedef {import("../figures.js").Stat} Stat */
/** @typedef {{ name: string, rows: import("../engine/core.js").Row[] }} Run  `rows` of one variant, of the captures that both runs measured */
/** @typedef {{ a: Stat, b: Stat }} Pair */
/** @typedef {{ value: string, axis: string, log: boolean, of: (stat: Stat) => number, text: (n: number) => string }} Figure */

/** @type {Figure[]} */
const FIGURES = [
  { value: "ratio", axis: "Ratio, ×", log: false, of: (stat) => stat.ratio, text: times },
  ...Object.entries(ERRORS).map(([name, { axis }]) => ({
    value: name,
    axis,
    log: true,
    of: (/** @type {Stat} */ stat) => stat.errors?.[/** @type {import("./labels.js").ErrorName} */ (name)] ?? 0,
    text: digits3,
  })),
];

/**
 * @param {Run} a
 * @param {Run} b
 * @returns {import("./figure.js").Chart | null} nothing where they have no layer in common
 */
export function twoRunsChart(a, b) {
  const pairs = pairUp(byLayer(a.rows), byLayer(b.rows));
  if (pairs.length === 0) return null;
  const lossy = pairs.some((pair) => pair.a.errors || pair.b.errors);
  const title = `${a.name} and ${b.name}, layer by layer`;
  return {
    name: "two-runs",
    title,
    note: `Hollow: ${a.name}. Filled: ${b.name}. The line between them is the difference.`,
    choice: { label: "Figure", options: FIGURES.filter(({ log }) => lossy || !log).map(({ value, axis }) => ({ value, label: axis })) },
    draw: (Plot, { width, choice }) => {
      const figure = FIGURES.find(({ value }) => value === choice) ?? FIGURES[0];
      return sheet({
        title: `${title}: ${figure.axis}`,
        width,
        legend: /** @type {const} */ (["K", "V"]).flatMap((tensor) => [
          { swatch: marker(tensor, true), text: `${tensor}, ${a.name}` },
          { swatch: marker(tensor, false), text: `${tensor}, ${b.name}` },
        ]),
        ...stagePanels(
          pairs.map((pair) => pair.a),
          width,
          (here, width) =>
            panel(
              Plot,
              pairs.filter((pair) => here.includes(pair.a)),
              pairs,
              figure,
              width,
              [a.name, b.name],
            ),
        ),
      });
    },
    table: () => ({
      columns: [
        "Stage",
        "Layer",
        "Tensor",
        `Ratio ${a.name}, ×`,
        `Ratio ${b.name}, ×`,
        "Difference, ×",
        `MAE ${a.name}`,
        `MAE ${b.name}`,
        "Difference",
      ],
      rows: pairs.map((pair) => [
        ...[
          pair.a.stage,
          pair.a.layerId,
          pair.a.tensor,
          pair.a.ratio.toFixed(3),
          pair.b.ratio.toFixed(3),
          signed(pair.b.ratio - pair.a.ratio, (n) => n.toFixed(3)),
        ],
        ...[
          digits3(pair.a.errors?.mae ?? 0),
          digits3(pair.b.errors?.mae ?? 0),
          signed((pair.b.errors?.mae ?? 0) - (pair.a.errors?.mae ?? 0), digits3),
        ],
      ]),
    }),
  };
}

/** @param {number} n @param {(n: number) => string} text */
const signed = (n, text) => (n > 0 ? `+${text(n)}` : n < 0 ? `−${text(-n)}` : text(0));

/** @param {Stat[]} as @param {Stat[]} bs @returns {Pair[]} */
function pairUp(as, bs) {
  const key = (/** @type {Stat} */ stat) => `${stat.stage}\n${stat.layerId}\n${stat.tensor}`;
  const others = new Map(bs.map((stat) => [key(stat), stat]));
  return as.flatMap((a) => {
    const b = others.get(key(a));
    return b ? [{ a, b }] : [];
  });
}

/** @param {Plot} Plot @param {Pair[]} pairs @param {Pair[]} all @param {Figure} figure @param {number} width @param {string[]} names */
function panel(Plot, pairs, all, figure, width, names) {
  const layers = layersOf(all.map((pair) => pair.a));
  const values = all.flatMap((pair) => [figure.of(pair.a), figure.of(pair.b)]);
  const { foot, ...log } = logScale(values);
  const y = figure.log ? log : { domain: [Math.min(1, ...values), Math.max(1.1, ...values) * 1.04] };
  const at = (/** @type {Stat} */ stat) => figure.of(stat) || (figure.log ? foot : 0);
  const size = markSize(layers, width);
  const base = figure.log ? foot : 1;
  return Plot.plot({
    ...BASE,
    width,
    height: 216,
    x: layerScale(layers),
    y,
    marks: [
      ...valueAxis(Plot, figure.axis, figure.log ? { text: logTick, ticks: logTicks(log.domain) } : { tickFormat: "~f" }),
      layerAxis(Plot, layers, width),
      Plot.ruleY([base], { stroke: "var(--ink)" }),
      /** @type {const} */ (["K", "V"]).map((tensor) => {
        const of = pairs.filter((pair) => pair.a.tensor === tensor);
        const x = (/** @type {Pair} */ pair) => layers.at(pair.a.layerId) + size.beside[tensor];
        const look = {
          r: tensor === "K" ? size.r : size.r * 0.92,
          symbol: tensor === "K" ? "circle" : "square",
          stroke: colour[tensor],
          strokeWidth: size.strokeWidth,
        };
        return [
          Plot.ruleX(of, {
            x,
            y1: (/** @type {Pair} */ pair) => at(pair.a),
            y2: (/** @type {Pair} */ pair) => at(pair.b),
            stroke: colour[tensor],
            strokeWidth: 2,
          }),
          Plot.dot(of, { x, y: (/** @type {Pair} */ pair) => at(pair.a), fill: "var(--page)", className: `kv-a-${tensor}`, ...look }),
          Plot.dot(of, { x, y: (/** @type {Pair} */ pair) => at(pair.b), fill: colour[tensor], className: `kv-b-${tensor}`, ...look }),
        ];
      }),
      Plot.tip(
        layers.ids.filter((id) => pairs.some((pair) => pair.a.layerId === id)),
        Plot.pointerX({
          ...TIP,
          x: (/** @type {number} */ id) => layers.at(id),
          y: (/** @type {number} */ id) =>
            Math.max(...pairs.filter((pair) => pair.a.layerId === id).flatMap((pair) => [at(pair.a), at(pair.b)])),
          title: (/** @type {number} */ id) =>
            [
              `Layer ${id}`,
              ...pairs
                .filter((pair) => pair.a.layerId === id)
                .map(({ a, b }) => `${a.tensor}  ${names[0]} ${figure.text(figure.of(a))} → ${names[1]} ${figure.text(figure.of(b))}`),
            ].join("\n"),
        }),
      ),
    ],
  });
}
