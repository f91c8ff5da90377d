// The charts are a module of their own, loaded when there is something to draw. Without it the page still says everything.

/** @import { App } from "../app.js" */
/** @import { Report } from "../types.js" */
import { h } from "../dom.js";

const load = () => import("../charts/index.js");

/** @param {HTMLElement} container @param {Report} report @param {App} app */
export const drawCharts = (container, report, app) => orSay(container, async () => (await load()).drawResult(container, report, actions(app)));

/**
 * @param {HTMLElement} container
 * @param {{ name: string, report: Report }} a
 * @param {{ name: string, report: Report }} b
 */
export const drawComparison = (container, a, b) => orSay(container, async () => (await load()).drawCompare(container, a, b));

/** What the sweep's chart can set. @param {App} app */
const actions = (app) => ({
  /** @param {Record<string, string>} settings of one combination, for block-norm */
  take(settings) {
    app.pick("blocknorm");
    for (const [flag, text] of Object.entries(settings)) app.setValue(flag, text);
  },
  /** @param {Record<string, string>} settings thresholds of the next sweep */
  limit(settings) {
    if (app.store.get().analysis !== "sweep") return;
    for (const [flag, text] of Object.entries(settings)) app.setValue(flag, text);
  },
});

/** @param {HTMLElement} container @param {() => Promise<void>} draw */
async function orSay(container, draw) {
  try {
    await draw();
  } catch (error) {
    container.replaceChildren(h("p", { class: "muted" }, `The charts could not be drawn (${error instanceof Error ? error.message : error}). Tables and files are complete without them.`));
  }
}
