// The split between lossless and lossy layers: a strip of cells, K above V, with a handle that moves `lossless-first-n`.

/** @import { App } from "../app.js" */
/** @import { LayerCount } from "../engine/types.js" */
/** @import { Layer } from "../layers.js" */
import { byId, fill, h } from "../dom.js";
import { count, megabytes, plural, ratio } from "../format.js";
import { LayerSums, oneVariant, ratioOf } from "../layers.js";
import { paramsOf, specOf, valueByFlag } from "../settings.js";
import { fieldFor } from "./field.js";

const FLAG = "lossless-first-n";
/** Cells narrower than this show no text. */
const LABEL_PX = 26;
const RATIO_PX = 46;

/** @param {App} app */
export function mountSplit(app) {
  const { store } = app;
  const root = byId("split-body");
  const cells = h("div", { class: "cells" });
  const handle = h("div", {
    class: "handle",
    role: "slider",
    tabindex: "0",
    "aria-label": "Split between lossless and lossy layers",
    "aria-valuemin": 0,
    "aria-orientation": "horizontal",
  });
  const strip = h(
    "div",
    { class: "strip" },
    h("span", { class: "side k", "aria-hidden": "true" }, "K"),
    h("span", { class: "side v", "aria-hidden": "true" }, "V"),
    cells,
    handle,
  );
  const say = h("p", { class: "split-say" });
  const readout = h("p", { class: "readout small muted" });
  const fieldSlot = h("div", { class: "split-field" });
  const placeholder = h("p", { class: "placeholder" }, "One cell for each layer appears here once a dump is in.");
  const whole = h("div", { class: "split-whole" }, h("div", { class: "split-head" }, say, fieldSlot), strip, readout);
  fill(root, placeholder, whole);

  /** @type {LayerCount[]} */
  let layers = [];
  /** @type {Map<number, Layer>} */
  let results = new Map();
  /** @type {HTMLElement[]} */
  let columns = [];

  store.watch(
    (state) => state.specs,
    (specs) => {
      const param = specs[0] && paramsOf(specs[0]).find(({ flag }) => flag === FLAG);
      fill(fieldSlot, param && fieldFor(app, param).element);
    },
  );
  store.watch(
    (state) => state.dump,
    (dump) => {
      layers = [...(dump?.layers ?? [])].sort((a, b) => a.layerId - b.layerId);
      placeholder.hidden = layers.length > 0;
      whole.hidden = layers.length === 0;
      handle.setAttribute("aria-valuemax", String(layers.length));
      build();
    },
  );
  store.watch(
    ({ outcomes, shown }) => [outcomes, shown],
    () => {
      const { outcomes, shown } = store.get();
      const outcome = outcomes.find(({ id }) => id === shown);
      results = new Map(
        outcome && oneVariant(outcome.analysis) ? new LayerSums().add(outcome.rows).list.map((layer) => [layer.layerId, layer]) : [],
      );
      drawResults();
    },
  );
  store.watch(({ values, analysis, specs, dump }) => [values, analysis, specs, dump], drawSplit);
  new ResizeObserver(labels).observe(cells);

  /** Layers that are lossless now. */
  function position() {
    const n = Number(valueByFlag(store.get(), FLAG));
    return layers.filter(({ layerId }) => layerId < n).length;
  }

  /** @param {number} to number of lossless layers */
  function move(to) {
    const at = Math.max(0, Math.min(layers.length, to));
    if (at === position()) return;
    app.setValue(FLAG, String(at === 0 ? Math.min(0, layers[0].layerId) : layers[at - 1].layerId + 1));
  }

  function build() {
    const most = Math.max(1, ...layers.map(({ bytes }) => bytes));
    columns = layers.map((layer) =>
      h(
        "div",
        { class: "cell", on: { pointerenter: () => describe(layer) } },
        bar("k", layer.bytes / most),
        bar("v", layer.bytes / most),
        h("span", { class: "cell-id" }, String(layer.layerId)),
      ),
    );
    fill(cells, columns);
    cells.onpointerleave = () => describe(null);
    drawResults();
    labels();
  }

  /** @param {"k" | "v"} side @param {number} share of the greatest layer */
  function bar(side, share) {
    return h(
      "div",
      { class: `half ${side}` },
      h("span", { class: "cell-ratio" }),
      h("div", { class: "raw", style: { "--share": String(Math.max(share, 0.02)) } }, h("div", { class: "rest" })),
    );
  }

  function drawResults() {
    columns.forEach((column, i) => {
      const layer = results.get(layers[i].layerId);
      for (const side of /** @type {const} */ (["k", "v"])) {
        const half = /** @type {HTMLElement} */ (column.querySelector(`.half.${side}`));
        const value = layer ? ratioOf(layer[side]) : 0;
        half.style.setProperty("--left", String(value > 0 ? Math.min(1, 1 / value) : 1));
        /** @type {HTMLElement} */ (half.querySelector(".cell-ratio")).textContent = value > 0 ? value.toFixed(3) : "";
      }
    });
    describe(null);
  }

  function drawSplit() {
    const at = position();
    const lossyOnly = specOf(store.get())?.name !== "mixed";
    columns.forEach((column, i) => {
      column.classList.toggle("lossy", i >= at);
      column.classList.toggle("unmeasured", lossyOnly && i < at);
    });
    handle.style.setProperty("--at", String(layers.length ? at / layers.length : 0));
    handle.setAttribute("aria-valuenow", String(at));
    const text = `${at} of ${plural(layers.length, "layer")} lossless`;
    const left = layers.length - at;
    const rest =
      left === 0 ? "" : ` · ${at > 0 ? `the other ${count(left)}` : left === 1 ? "it" : "all"} ${left === 1 ? "becomes" : "become"} lossy`;
    handle.setAttribute("aria-valuetext", text);
    fill(say, h("strong", {}, text), h("span", { class: "muted" }, lossyOnly ? " · this analysis measures the lossy ones only" : rest));
  }

  /** Numbers and ratios only where they fit: every layer, every second, every fifth ... */
  function labels() {
    if (columns.length === 0) return;
    const width = cells.clientWidth / columns.length;
    const step = [1, 2, 4, 5, 8, 10, 16, 20, 32].find((each) => each * width >= LABEL_PX) ?? 32;
    columns.forEach((column, i) => column.classList.toggle("unlabelled", i % step !== 0));
    strip.classList.toggle("narrow", width < RATIO_PX);
    strip.classList.toggle("dense", width < 10);
  }

  /** @param {LayerCount | null} layer */
  function describe(layer) {
    if (!layer)
      return fill(
        readout,
        results.size > 0
          ? "Filled: the bytes left, with their ratio. Solid is lossless, hatched lossy."
          : "A cell is a layer, its height its bytes. Solid stays lossless, hatched becomes lossy: drag the handle, or use the arrow keys.",
      );
    const result = results.get(layer.layerId);
    fill(
      readout,
      `Layer ${layer.layerId} · ${plural(layer.captures, "capture")} · ${megabytes(layer.bytes)}`,
      result && [
        " · ",
        h("span", { class: "k" }, `K ${ratio(ratioOf(result.k))}`),
        " · ",
        h("span", { class: "v" }, `V ${ratio(ratioOf(result.v))}`),
      ],
    );
  }

  /** @param {PointerEvent} event */
  function follow(event) {
    const { left, width } = cells.getBoundingClientRect();
    move(Math.round(((event.clientX - left) / width) * layers.length));
  }
  strip.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    strip.setPointerCapture(event.pointerId);
    handle.focus();
    follow(event);
  });
  strip.addEventListener("pointermove", (event) => strip.hasPointerCapture(event.pointerId) && follow(event));
  handle.addEventListener("keydown", (event) => {
    const at = position();
    const page = Math.max(1, Math.round(layers.length / 10));
    const to = {
      ArrowLeft: at - 1,
      ArrowDown: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at + 1,
      PageDown: at - page,
      PageUp: at + page,
      Home: 0,
      End: layers.length,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(to);
  });
}
