// The split between lossless and lossy layers: the strip's handle moves `lossless-first-n`.

/** @import { App } from "../app.js" */
/** @import { LayerCount } from "../engine/core.js" */
/** @import { Layer } from "../figures.js" */
import { byId, fill, h } from "../dom.js";
import { count, plural, ratio, size } from "../format.js";
import { LayerSums } from "../figures.js";
import { SPLIT as FLAG, hasSplit, oneVariant, paramsOf, specOf, valueByFlag } from "../settings.js";
import { fieldFor } from "./field.js";
import { layerStrip } from "./strip.js";

/** A finger that moved less than this sideways has not begun to drag. */
const DRAG_PX = 8;

/** @param {App} app */
export function mountSplit(app) {
  const { store } = app;
  const strip = layerStrip((layer) => fill(readout, readoutText(layer, results)));
  const say = h("p", { class: "split-say" });
  const readout = h("p", { class: "readout small muted" });
  const fieldSlot = h("div", { class: "split-field" });
  const placeholder = h("p", { class: "placeholder" }, "One cell for each layer appears here once a dump is in.");
  const whole = h("div", { class: "split-whole" }, h("div", { class: "split-head" }, say, fieldSlot), strip.element, readout);
  fill(byId("split-body"), placeholder, whole);

  /** @type {LayerCount[]} */
  let layers = [];
  /** @type {Map<number, Layer>} */
  let results = new Map();

  store.watch(
    (state) => state.specs,
    (specs) => {
      const param = specs[0] && paramsOf(specs[0]).find(({ flag }) => flag === FLAG);
      fill(fieldSlot, param && fieldFor(app, param).element);
    },
  );
  store.watch(
    (state) => specOf(state),
    (spec) => (byId("split").hidden = spec !== undefined && !hasSplit(spec)),
  );
  store.watch(
    (state) => state.dump,
    (dump) => {
      layers = [...(dump?.layers ?? [])].sort((a, b) => a.layerId - b.layerId);
      placeholder.hidden = layers.length > 0;
      whole.hidden = layers.length === 0;
      strip.showLayers(layers);
      drawResults();
    },
  );
  store.watch(
    ({ outcomes, shown }) => [outcomes, shown],
    () => {
      const { outcomes, shown } = store.get();
      const outcome = outcomes.find(({ id }) => id === shown);
      const list = outcome && oneVariant(store.get(), outcome.analysis) ? new LayerSums().add(outcome.rows).list : [];
      results = new Map(list.map((layer) => [layer.layerId, layer]));
      drawResults();
    },
  );
  store.watch(({ values, analysis, specs, dump }) => [values, analysis, specs, dump], drawSplit);
  follow(strip, { total: () => layers.length, position, move });

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

  function drawResults() {
    strip.showResults(layers.map(({ layerId }) => results.get(layerId)));
    fill(readout, readoutText(null, results));
  }

  function drawSplit() {
    const at = position();
    const lossyOnly = !specOf(store.get())?.measuresLossless;
    const text = `${at} of ${plural(layers.length, "layer")} lossless`;
    strip.showSplit({ at, text, lossyOnly });
    const left = layers.length - at;
    const rest =
      left === 0 ? "" : ` · ${at > 0 ? `the other ${count(left)}` : left === 1 ? "it" : "all"} ${left === 1 ? "becomes" : "become"} lossy`;
    fill(say, h("strong", {}, text), h("span", { class: "muted" }, lossyOnly ? " · this analysis measures the lossy ones only" : rest));
  }
}

/** @param {LayerCount | null} layer under the pointer @param {Map<number, Layer>} results by layer */
function readoutText(layer, results) {
  if (!layer)
    return results.size > 0
      ? "Filled: the bytes left, with their ratio. Solid is lossless, hatched lossy."
      : [
          "A cell is a layer, its height its bytes. Solid stays lossless, hatched becomes lossy",
          h("span", { class: "screen-only" }, ": drag the handle, or use the arrow keys"),
          ".",
        ];
  const result = results.get(layer.layerId);
  return [
    `Layer ${layer.layerId} · ${plural(layer.captures, "capture")} · ${size(layer.bytes)}`,
    result && [
      " · ",
      h("span", { class: "k" }, `K ${ratio(result.k.ratio)}`),
      " · ",
      h("span", { class: "v" }, `V ${ratio(result.v.ratio)}`),
    ],
  ];
}

/**
 * Has the split follow pointer and keys.
 * @param {ReturnType<typeof layerStrip>} strip
 * @param {{ total: () => number, position: () => number, move: (to: number) => void }} split in layers
 */
function follow({ element, cells, handle }, { total, position, move }) {
  /** @param {PointerEvent} event */
  const toPointer = (event) => {
    const { left, width } = cells.getBoundingClientRect();
    move(Math.round(((event.clientX - left) / width) * total()));
  };
  /** A finger that is down and may still scroll. @type {{ id: number, x: number } | null} */
  let finger = null;
  /** @param {PointerEvent} event */
  const take = (event) => {
    element.setPointerCapture(event.pointerId);
    handle.focus({ preventScroll: true });
    toPointer(event);
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    // A finger may be about to scroll: what it does next tells.
    if (event.pointerType === "touch") {
      finger = { id: event.pointerId, x: event.clientX };
      return;
    }
    event.preventDefault();
    take(event);
  });
  element.addEventListener("pointermove", (event) => {
    if (finger?.id === event.pointerId) {
      if (Math.abs(event.clientX - finger.x) < DRAG_PX) return;
      finger = null;
      take(event);
    } else if (element.hasPointerCapture(event.pointerId)) toPointer(event);
  });
  element.addEventListener("pointerup", (event) => {
    // A tap.
    if (finger?.id === event.pointerId) take(event);
    finger = null;
  });
  element.addEventListener("pointercancel", () => (finger = null));
  handle.addEventListener("keydown", (event) => {
    const at = position();
    const page = Math.max(1, Math.round(total() / 10));
    const to = {
      ArrowLeft: at - 1,
      ArrowDown: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at + 1,
      PageDown: at - page,
      PageUp: at + page,
      Home: 0,
      End: total(),
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(to);
  });
}
