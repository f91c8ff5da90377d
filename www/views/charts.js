// The charts are a module of their own, loaded when there is something to draw. Without it the page still says everything.

/** @import { App } from "../app.js" */
/** @import { Report } from "../engine/core.js" */
/** @import { Outcome } from "../types.js" */
import { h } from "../dom.js";

const load = () => import("../charts/index.js");

export const preloadCharts = async () => void (await (await load()).loadPlot());

/** @param {HTMLElement} container @param {Report} report @param {App} app */
export const drawCharts = (container, report, app) =>
  orSay(container, async () => (await load()).drawResult(container, report, actions(app)));

/**
 * @param {HTMLElement} container
 * @param {{ name: string, report: Report }} a
 * @param {{ name: string, report: Report }} b
 */
export const drawComparison = (container, a, b) => orSay(container, async () => (await load()).drawCompare(container, a, b));

/** @param {HTMLElement} container @param {App} app @param {AbortSignal} signal */
export const drawDump = (container, app, signal) => orSay(container, async () => (await load()).drawDump(container, app, { signal }));

/** report.html of a finished run. @param {App} app @param {Report} report @param {Outcome} outcome @returns {Promise<Blob>} */
export async function reportFile(app, report, { analysis, dumpName, bytes }) {
  const { specs, engine } = app.store.get();
  const { reportHtml } = await import("../charts/report.js");
  const label = specs.find(({ name }) => name === analysis)?.label ?? analysis;
  return new Blob([await reportHtml(report, { dumpName, bytes, label, version: engine.info?.version ?? "" })], { type: "text/html" });
}

/** What the sweep's chart can set. @param {App} app */
const actions = (app) => ({
  /** @param {Record<string, string>} settings of one combination, for block-norm */
  take: (settings) => app.take("blocknorm", settings),
  /** @param {Record<string, string>} settings thresholds of the next sweep */
  limit(settings) {
    if (app.store.get().analysis === "sweep") app.take("sweep", settings);
  },
});

/** @param {HTMLElement} container @param {() => Promise<void>} draw */
async function orSay(container, draw) {
  container.classList.add("drawing");
  try {
    await draw();
  } catch (error) {
    container.replaceChildren(
      h(
        "p",
        { class: "muted" },
        `The charts could not be drawn (${error instanceof Error ? error.message : error}). Tables and files are complete without them.`,
      ),
    );
  } finally {
    // They fill their places when they are told their width, between this frame and the next.
    await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
    container.classList.remove("drawing");
  }
}
