// The dump before any run: the longest capture of each layer is measured, one engine call a layer, and drawn.

/** @import { Plot } from "./figure.js" */
import { fill, h } from "../dom.js";
import { entropyChart } from "./entropy.js";
import { figure } from "./figure.js";
import { heatmapChart } from "./heatmap.js";
import { histogramChart } from "./histogram.js";

/** @typedef {import("./heatmap.js").LayerPicture} LayerPicture */
/** @typedef {Pick<import("../engine/inspector.js").Inspector, "captures" | "pictures">} Inspector */

/**
 * @param {Plot} Plot
 * @param {HTMLElement} container
 * @param {Inspector} engine
 * @param {{ signal?: AbortSignal }} options
 */
export async function dumpView(Plot, container, engine, { signal }) {
  const status = h("p", { class: "muted", role: "status" }, "Measuring …");
  fill(container, status);
  /** @type {LayerPicture[]} */
  const layers = [];
  const captures = await engine.captures();
  for (const capture of captures) {
    if (signal?.aborted) return;
    status.textContent = `Measuring layer ${capture.layerId}, ${layers.length + 1} of ${captures.length}`;
    layers.push({ ...capture, ...(await engine.pictures(capture.capture)) });
  }
  if (signal?.aborted) return;
  container.classList.add("kv-charts");
  const charts = layers.length > 0 ? [heatmapChart(layers), entropyChart(layers), histogramChart(layers)] : [];
  fill(
    container,
    charts.length > 0 ? charts.map((chart) => figure(Plot, chart)) : h("p", { class: "muted" }, "Add a dump to see what is in it."),
  );
}
