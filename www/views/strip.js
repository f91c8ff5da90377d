// The strip of layers: a cell for each, K above V, its height its bytes. It draws what it is told and knows nothing of the page.

/** @import { LayerCount } from "../engine/core.js" */
/** @import { Layer } from "../figures.js" */
import { fill, h } from "../dom.js";

/** Cells narrower than this show no text. */
const LABEL_PX = 26;
const RATIO_PX = 46;
const DENSE_PX = 10;

/** @param {(layer: LayerCount | null) => void} onHover the layer under the pointer */
export function layerStrip(onHover) {
  const cells = h("div", { class: "cells", on: { pointerleave: () => onHover(null) } });
  const handle = h("div", {
    class: "handle",
    role: "slider",
    tabindex: "0",
    "aria-label": "Split between lossless and lossy layers",
    "aria-valuemin": 0,
    "aria-orientation": "horizontal",
  });
  const element = h(
    "div",
    { class: "strip" },
    h("span", { class: "side k", "aria-hidden": "true" }, "K"),
    h("span", { class: "side v", "aria-hidden": "true" }, "V"),
    cells,
    handle,
  );
  /** @type {HTMLElement[]} */
  let columns = [];
  new ResizeObserver(labels).observe(cells);

  /** @param {LayerCount[]} layers */
  function showLayers(layers) {
    const greatest = Math.max(1, ...layers.map(({ bytes, vBytes }) => Math.max(vBytes, bytes - vBytes)));
    columns = layers.map((layer) =>
      h(
        "div",
        { class: "cell", on: { pointerenter: () => onHover(layer) } },
        half("k", (layer.bytes - layer.vBytes) / greatest),
        half("v", layer.vBytes / greatest),
        h("span", { class: "cell-id" }, String(layer.layerId)),
      ),
    );
    fill(cells, columns);
    handle.setAttribute("aria-valuemax", String(layers.length));
    labels();
  }

  /** Fills each cell to what its layer took; an empty one for a layer without a result. @param {(Layer | undefined)[]} results */
  function showResults(results) {
    columns.forEach((column, i) => {
      for (const side of /** @type {const} */ (["k", "v"])) {
        const half = /** @type {HTMLElement} */ (column.querySelector(`.half.${side}`));
        const value = results[i]?.[side].ratio ?? 0;
        half.style.setProperty("--left", String(value > 0 ? Math.min(1, 1 / value) : 1));
        /** @type {HTMLElement} */ (half.querySelector(".cell-ratio")).textContent = value > 0 ? value.toFixed(3) : "";
      }
    });
  }

  /** @param {{ at: number, text: string, lossyOnly: boolean }} split lossless layers, said as `text`; whether only the others are measured */
  function showSplit({ at, text, lossyOnly }) {
    columns.forEach((column, i) => {
      column.classList.toggle("lossy", i >= at);
      column.classList.toggle("unmeasured", lossyOnly && i < at);
    });
    handle.style.setProperty("--at", String(columns.length ? at / columns.length : 0));
    handle.setAttribute("aria-valuenow", String(at));
    handle.setAttribute("aria-valuetext", text);
  }

  /** Numbers and ratios only where they fit: every layer, every second, every fifth ... */
  function labels() {
    if (columns.length === 0) return;
    const width = cells.clientWidth / columns.length;
    const step = [1, 2, 4, 5, 8, 10, 16, 20, 32].find((each) => each * width >= LABEL_PX) ?? 32;
    columns.forEach((column, i) => column.classList.toggle("unlabelled", i % step !== 0));
    element.classList.toggle("narrow", width < RATIO_PX);
    element.classList.toggle("dense", width < DENSE_PX);
  }

  return { element, cells, handle, showLayers, showResults, showSplit };
}

/** @param {"k" | "v"} side @param {number} share of the greatest tensor */
const half = (side, share) =>
  h(
    "div",
    { class: `half ${side}` },
    h("span", { class: "cell-ratio" }),
    h("div", { class: "raw", style: { "--share": String(Math.max(share, 0.02)) } }, h("div", { class: "rest" })),
  );
