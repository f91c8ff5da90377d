// Error of each lossy layer, on a logarithmic axis; one measure at a time, the stages one below the other.

/** @import { Plot } from "./figure.js" */
import { BASE, TIP, digits3, layerAxis, layerScale, layersOf, logTick, logTicks, markSize, valueAxis } from "./axis.js";
import { legend, points, stagePanels } from "./ratio.js";
import { byLayer } from "../figures.js";
import { ERRORS } from "./labels.js";
import { colour, sheet } from "./svg.js";

/** @typedef {import("../figures.js").Stat} Stat */
/** @typedef {import("./labels.js").ErrorName} ErrorName */

/**
 * @param {Pick<import("../engine/core.js").Report, "rows">} report
 * @returns {import("./figure.js").Chart | null} nothing where no layer is lossy
 */
export function errorChart({ rows }) {
  const stats = byLayer(rows).filter((stat) => stat.errors);
  if (stats.length === 0) return null;
  const title = "Error of each lossy layer";
  return {
    name: "error-by-layer",
    title,
    note: "Between captured and restored values, in the values' own unit; cosine has none.",
    choice: { label: "Measure", options: Object.entries(ERRORS).map(([value, { label }]) => ({ value, label })) },
    draw: (Plot, { width, choice }) => {
      const name = /** @type {ErrorName} */ (choice ?? "mae");
      return sheet({
        title: `${title}: ${ERRORS[name].label}`,
        width,
        legend: legend(stats, false),
        ...stagePanels(stats, width, (here, width) => panel(Plot, here, stats, name, width)),
      });
    },
    table: () => ({
      columns: ["Stage", "Layer", "Tensor", ...Object.values(ERRORS).map(({ label }) => label)],
      rows: stats.map((stat) => [
        ...[stat.stage, stat.layerId, stat.tensor],
        ...Object.keys(ERRORS).map((name) => digits3(stat.errors?.[/** @type {ErrorName} */ (name)] ?? NaN)),
      ]),
    }),
  };
}

/**
 * A logarithmic scale over the positive errors; an error of 0 has no place on it and is drawn at its foot.
 * @param {number[]} values
 */
export function logScale(values) {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  if (positive.length === 0) return { type: "log", domain: [1e-8, 1], foot: 1e-8 };
  const low = Math.min(...positive);
  const high = Math.max(...positive);
  const foot = values.some((value) => value === 0) ? low / 4 : low / 1.35;
  return { type: "log", domain: [foot, high * 1.35], foot };
}

/** @param {Plot} Plot @param {Stat[]} stats @param {Stat[]} all @param {ErrorName} name @param {number} width */
function panel(Plot, stats, all, name, width) {
  const layers = layersOf(all);
  const value = (/** @type {Stat} */ stat) => stat.errors?.[name] ?? NaN;
  const { foot, ...scale } = logScale(all.map(value));
  const size = markSize(layers, width);
  const x = (/** @type {Stat} */ stat) => layers.at(stat.layerId) + size.beside[stat.tensor];
  const y = (/** @type {Stat} */ stat) => value(stat) || foot;
  return Plot.plot({
    ...BASE,
    width,
    height: 200,
    x: layerScale(layers),
    y: scale,
    marks: [
      ...valueAxis(Plot, ERRORS[name].axis, { text: logTick, ticks: logTicks(scale.domain) }),
      layerAxis(Plot, layers, width),
      /** @type {const} */ (["K", "V"]).map((tensor) => {
        const of = stats.filter((stat) => stat.tensor === tensor);
        return [
          Plot.line(
            [...of].sort((a, b) => a.layerId - b.layerId),
            { x, y, stroke: colour[tensor], strokeWidth: 1.2, strokeOpacity: 0.5 },
          ),
          points(Plot, of, tensor, size, { x, y }),
        ];
      }),
      Plot.ruleY([foot], { stroke: "var(--ink)" }),
      Plot.tip(
        layers.ids.filter((id) => stats.some((stat) => stat.layerId === id)),
        Plot.pointerX({
          ...TIP,
          x: (/** @type {number} */ id) => layers.at(id),
          y: (/** @type {number} */ id) => Math.max(...stats.filter((stat) => stat.layerId === id).map(y)),
          title: (/** @type {number} */ id) =>
            [`Layer ${id}`, ...stats.filter((stat) => stat.layerId === id).map((stat) => `${stat.tensor}  ${digits3(value(stat))}`)].join(
              "\n",
            ),
        }),
      ),
    ],
  });
}
