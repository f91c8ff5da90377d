// The charts are a module of their own, loaded when there is something to draw. Without it the page still says everything.

/** @import { App } from "../app.js" */
/** @import { Report } from "../engine/core.js" */
/** @import { Outcome } from "../types.js" */
import { h } from "../dom.js";
import { limitOf } from "../explore/limit.js";
import { specOf } from "../settings.js";
import { takeAndShow } from "./taken.js";

const load = () => import("../charts/index.js");

export const preloadCharts = async () => void (await (await load()).loadPlot());

/**
 * @param {HTMLElement} container @param {Report} report @param {App} app @param {number} id of the outcome
 * @param {import("../charts/front.js").Live} [live] explore's limit
 */
export const drawCharts = (container, report, app, id, live) =>
  orSay(container, async () =>
    (await load()).drawResult(container, report, specOf(app.store.get(), report.analysis)?.charts ?? [], {
      ...actions(app, report, id),
      live,
    }),
  );

/**
 * @param {HTMLElement} container
 * @param {import("../charts/two-runs.js").Run} a
 * @param {import("../charts/two-runs.js").Run} b
 */
export const drawComparison = (container, a, b) => orSay(container, async () => (await load()).drawCompare(container, a, b));

/** @param {HTMLElement} container @param {{ name: string, rows: import("../engine/core.js").Row[] }[]} runs */
export const drawAllRuns = (container, runs) => orSay(container, async () => (await load()).drawRuns(container, runs));

/** @param {HTMLElement} container @param {App["inspector"]} inspector @param {AbortSignal} signal */
export const drawDump = (container, inspector, signal) =>
  orSay(container, async () => (await load()).drawDump(container, inspector, { signal }), "");

/** report.html of a finished run. @param {App} app @param {Report} report @param {Outcome} outcome @returns {Promise<Blob>} */
export async function reportFile(app, report, { analysis, dumpName, bytes, codecs }) {
  const state = app.store.get();
  const spec = specOf(state, analysis);
  if (!spec) throw new Error(`there is no analysis "${analysis}"`);
  const limit = report.explored ? limitOf(state, report.explored) : undefined;
  const { reportHtml } = await import("../charts/report.js");
  return new Blob([await reportHtml(report, { spec, dumpName, bytes, codecs, limit, version: state.engine.info?.version ?? "" })], {
    type: "text/html",
  });
}

/** What a chart can set. @param {App} app @param {Report} report @param {number} id of the outcome */
const actions = (app, { analysis }, id) => ({
  /** @param {Record<string, string>} settings of one variant, for the analysis that takes them */
  take(settings) {
    const taker = specOf(app.store.get(), analysis)?.variantAnalysis;
    if (taker) takeAndShow(app, taker, settings);
  },
  /** @param {Record<string, string>} settings thresholds that move, for all that this result says */
  judge: (settings) => void app.judge(id, settings),
  /** @param {Record<string, string>} settings thresholds of the next run of the same analysis */
  limit(settings) {
    if (app.store.get().analysis === analysis) app.take(analysis, settings);
  },
});

/** @param {HTMLElement} container @param {() => Promise<void>} draw @param {string} [besides] what there is without them */
async function orSay(container, draw, besides = " Tables and files are complete without them.") {
  container.classList.add("drawing");
  try {
    await draw();
  } catch (error) {
    container.replaceChildren(
      h("p", { class: "muted" }, `The charts could not be drawn (${error instanceof Error ? error.message : error}).${besides}`),
    );
  } finally {
    // They fill their places when they are told their width, between this frame and the next.
    await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
    container.classList.remove("drawing");
  }
}
