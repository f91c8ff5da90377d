// The dump before any run: what its values look like, measured when the reader opens it.

/** @import { App } from "../app.js" */
import { fill, h } from "../dom.js";
import { drawDump } from "./charts.js";

/** @param {App} app @returns {HTMLElement} */
export function picturesPanel(app) {
  const canvas = h("div", { class: "charts" });
  const summary = h("summary", {}, "Look at the values: magnitudes, histograms, entropy of each byte plane");
  const panel = h("details", { class: "pictures" }, summary, canvas);
  /** @type {AbortController | null} */
  let drawing = null;
  const draw = () => {
    drawing?.abort();
    fill(canvas);
    if (!panel.open || panel.hidden) return;
    drawing = new AbortController();
    void drawDump(canvas, app.inspector, drawing.signal);
  };
  panel.addEventListener("toggle", draw);
  app.store.watch(
    (state) => state.dump,
    (dump) => {
      panel.hidden = !dump?.captures;
      draw();
    },
  );
  return panel;
}
