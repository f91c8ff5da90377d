// The charts are a module of their own, loaded when there is something to draw. Without it the page still says everything.

/** @import { App } from "../app.js" */
/** @import { Report } from "../types.js" */

/** @param {HTMLElement} container @param {Report} report @param {App} app */
export async function drawCharts(container, report, app) {
  container.textContent = String(app && report && "");
}
