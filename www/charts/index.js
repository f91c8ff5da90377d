// What the page calls: the charts of a result, of two results, and of the dump. Plot (92 KB) is loaded by the first call.

/** @import { Plot } from "./figure.js" */
import { fill, h } from "../dom.js";
import { allRunsChart } from "./all-runs.js";
import { bytesChart } from "./bytes.js";
import { lossyCompareChart } from "./lossy-compare.js";
import { dumpView } from "./dump.js";
import { errorChart } from "./error.js";
import { figure } from "./figure.js";
import { frontChart } from "./front.js";
import { ratioChart } from "./ratio.js";
import { stepsChart } from "./steps.js";
import { twoRunsChart } from "./two-runs.js";
import { sweepChart } from "./sweep.js";

/** @import { Report } from "../engine/core.js" */
/** @typedef {import("./figure.js").Chart} Chart */
/**
 * What charts can ask of the page. `take`: a combination's settings for block-norm; `limit`: thresholds for the sweep, `judge`: thresholds that
 * move, for what else is on screen; all by flag.
 * `live`: explore's limit as it is now.
 * @typedef {{ take?: (settings: Record<string, string>) => void, limit?: (settings: Record<string, string>) => void, judge?: (settings: Record<string, string>) => void, live?: import("./front.js").Live }} Actions
 */

/** @type {Promise<Plot> | undefined} */
let plot;

/** Observable Plot and the charts' stylesheet, fetched once. */
export const loadPlot = () =>
  (plot ??= Promise.all([import("../vendor/plot.js"), stylesheet(new URL("charts.css", import.meta.url))]).then(([Plot]) => Plot));

/** Adds a stylesheet, and resolves when it counts. @param {URL} url */
export function stylesheet(url) {
  const link = h("link", { rel: "stylesheet", href: url.href });
  const loaded = new Promise((done) => {
    link.addEventListener("load", done);
    // Unstyled charts are better than none.
    link.addEventListener("error", done);
  });
  document.head.append(link);
  return loaded;
}

/**
 * By the names that the analyses' specs call them; nothing where a report has nothing for them.
 * @type {Record<string, (report: Report, actions: Actions) => Chart | null>}
 */
const CHARTS = {
  ratio: (report) => (report.rows.length > 0 ? ratioChart(report) : null),
  bytes: (report) => (report.rows.length > 0 ? bytesChart(report) : null),
  error: (report) => (report.rows.length > 0 ? errorChart(report) : null),
  "lossy-compare": (report) => (report.rows.length > 0 ? lossyCompareChart(report) : null),
  front: ({ explored }, { live }) =>
    explored ? frontChart(explored, live ?? { limit: () => ownLimit(explored), redraw: () => {} }) : null,
  steps: ({ explored }) => (explored ? stepsChart(explored) : null),
  sweep: (report, actions) => (report.groups.length > 0 ? sweepChart(report, actions) : null),
};

/** The limit of the run itself. @param {import("../engine/core.js").Explored} explored @returns {import("../explore/search.js").Limit} */
export const ownLimit = ({ limitKind, limit }) => ({ kind: limitKind === "auto" ? "index" : limitKind, value: limit });

/**
 * @param {Report} report
 * @param {string[]} names of the charts that suit it, as its analysis's spec has them
 * @param {Actions} [actions]
 * @returns {Chart[]}
 */
export function chartsOf(report, names, actions = {}) {
  const unknown = names.find((name) => !(name in CHARTS));
  if (unknown) throw new Error(`there is no chart "${unknown}"`);
  return names.map((name) => CHARTS[name](report, actions)).filter((chart) => chart !== null);
}

/**
 * Draws a result's charts into `container`, in place of what it holds.
 * @param {HTMLElement} container
 * @param {Report} report as `Engine.run` gives it
 * @param {string[]} names of the charts
 * @param {Actions} [actions]
 */
export async function drawResult(container, report, names, actions = {}) {
  show(await loadPlot(), container, chartsOf(report, names, actions));
}

/**
 * @param {HTMLElement} container
 * @param {import("./two-runs.js").Run} a
 * @param {import("./two-runs.js").Run} b
 */
export async function drawCompare(container, a, b) {
  const chart = twoRunsChart(a, b);
  show(await loadPlot(), container, chart ? [chart] : [], "These two results have no layer and stage in common.");
}

/**
 * All runs as points; nothing where there are not two with something in common.
 * @param {HTMLElement} container
 * @param {Parameters<typeof allRunsChart>[0]} runs
 */
export async function drawRuns(container, runs) {
  const chart = allRunsChart(runs);
  if (chart) show(await loadPlot(), container, [chart]);
}

/**
 * The dump before any run: its captures are asked for one by one, so that a run can come in between.
 * @param {HTMLElement} container
 * @param {import("./dump.js").Inspector} engine
 * @param {{ signal?: AbortSignal }} [options]
 */
export async function drawDump(container, engine, options = {}) {
  await dumpView(await loadPlot(), container, engine, options);
}

/** @param {Plot} Plot @param {HTMLElement} container @param {Chart[]} charts @param {string} [nothing] */
function show(Plot, container, charts, nothing = "Nothing to draw.") {
  container.classList.add("kv-charts");
  fill(container, charts.length > 0 ? charts.map((chart) => figure(Plot, chart)) : h("p", { class: "muted" }, nothing));
}
