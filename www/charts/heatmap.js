// Mean magnitude of every channel in every layer, K beside V: outlier channels show as columns.
// One path a colour step instead of one element a cell, so that 30 layers of 1,024 channels draw at once.

/** @import { Plot } from "./figure.js" */
import { BASE, digits3, FONT, rowAxis } from "./axis.js";
import { byRun } from "./runs.js";
import { colour, pairs, s } from "./svg.js";

/** @import { TensorPicture } from "../engine/core.js" */
/** @typedef {"K" | "V"} TensorName */
/** A layer's pictures, as the engine's `inspect` gives them. @typedef {import("../engine/core.js").CaptureLine & import("../engine/core.js").Pictures} LayerPicture */

const STEPS = 9;

/**
 * @param {LayerPicture[]} layers
 * @returns {import("./figure.js").Chart}
 */
export function heatmapChart(layers) {
  const title = "Magnitude of each channel";
  const runs = byRun(layers);
  return {
    name: "channel-magnitude",
    title,
    choice: runs.choice,
    note: "Mean |x| over the tokens of each layer’s longest capture. A strong column is a channel that is large in many layers: it sets the scale that all others are quantized with.",
    draw: (Plot, { width, choice }) => {
      const layers = runs.of(choice);
      const steps = { K: ramp(layers.flatMap(({ k }) => k.channels)), V: ramp(layers.flatMap(({ v }) => v.channels)) };
      const legend = /** @type {const} */ (["K", "V"]).map((tensor) => ({
        swatch: s(
          "g",
          {},
          ...Array.from({ length: STEPS }, (_, i) =>
            s("g", { transform: `translate(${i * 10},2)` }, ...paint(tensor, i, "M0,0h10v10h-10z")),
          ),
        ),
        swatchWidth: STEPS * 10,
        text: `${tensor}: ${digits3(steps[tensor].low)} to ${digits3(steps[tensor].high)}, a step is ×${steps[tensor].factor.toFixed(1)}`,
      }));
      return pairs({ title, width, legend }, (panelWidth) =>
        /** @type {const} */ (["K", "V"]).map((tensor) => ({
          heading: tensor,
          svg: panel(Plot, layers, tensor, steps[tensor], panelWidth),
        })),
      );
    },
    table: () => ({
      columns: [...runs.column, "Layer", "Tensor", "Head", "Channel of the head", "Mean |x|", "By the median channel, ×"],
      rows: layers.flatMap((layer) =>
        /** @type {const} */ (["K", "V"]).flatMap((tensor) => largest(layer, tensor).map((row) => [...runs.cell(layer), ...row])),
      ),
    }),
  };
}

/** The five largest channels of a layer: the whole map would be a table of thousands of rows. @param {LayerPicture} layer @param {TensorName} tensor */
function largest(layer, tensor) {
  const { channels, headDim } = tensor === "K" ? layer.k : layer.v;
  const sorted = [...channels].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] || 0;
  return channels
    .map((/** @type {number} */ value, /** @type {number} */ i) => ({ value, i }))
    .sort((/** @type {{ value: number }} */ a, /** @type {{ value: number }} */ b) => b.value - a.value)
    .slice(0, 5)
    .map((/** @type {{ value: number, i: number }} */ { value, i }) => [
      ...[layer.layerId, tensor, Math.floor(i / headDim), i % headDim, digits3(value)],
      median > 0 ? (value / median).toFixed(1) : "–",
    ]);
}

/** Geometric steps up to the greatest magnitude. @param {number[]} values */
function ramp(values) {
  const sorted = values.filter((value) => value > 0).sort((a, b) => a - b);
  const high = sorted[sorted.length - 1] ?? 1;
  const low = Math.max(sorted[Math.floor(sorted.length * 0.05)] ?? high, high / 1000);
  const factor = Math.max(1.01, (high / low) ** (1 / STEPS));
  return {
    low,
    high,
    factor,
    of: (/** @type {number} */ value) => (value > low ? Math.min(STEPS - 1, Math.floor(Math.log(value / low) / Math.log(factor))) : 0),
  };
}

/** A step's colour: K's or V's from faint to full, the last two towards ink. @param {TensorName} tensor @param {number} step @param {string} d */
function paint(tensor, step, d) {
  const full = STEPS - 3;
  const base = s("path", { d, fill: colour[tensor], "fill-opacity": Math.min(1, 0.05 + (0.95 * step) / full).toFixed(3) });
  return step > full ? [base, s("path", { d, fill: "var(--ink)", "fill-opacity": step === STEPS - 1 ? 0.8 : 0.4 })] : [base];
}

/** @param {Plot} Plot @param {LayerPicture[]} layers @param {TensorName} tensor @param {ReturnType<typeof ramp>} steps @param {number} width */
function panel(Plot, layers, tensor, steps, width) {
  const of = (/** @type {LayerPicture} */ layer) => (tensor === "K" ? layer.k : layer.v);
  const { headDim } = of(layers[0]);
  const channels = Math.max(...layers.map((layer) => of(layer).channels.length), 1);
  const row = Math.max(9, Math.min(22, 330 / layers.length));
  const every = Math.ceil(11 / row);
  const height = Math.round(row * layers.length) + 22 + BASE.marginBottom;
  const heads = Array.from({ length: Math.ceil(channels / headDim) }, (_, i) => i);
  const headWidth = ((width - BASE.marginLeft - BASE.marginRight) * headDim) / channels;
  const svg = Plot.plot({
    ...BASE,
    marginTop: 22,
    width,
    height,
    x: { domain: [0, channels], axis: null },
    y: { domain: [0, layers.length], reverse: true, axis: null },
    marks: [
      Plot.axisX({
        ticks: heads.filter((head) => headWidth > 18 || head % Math.ceil(18 / headWidth) === 0).map((head) => (head + 0.5) * headDim),
        tickFormat: (/** @type {number} */ at) => String(Math.floor(at / headDim)),
        tickSize: 0,
        label: `Head, ${headDim} channels each`,
        labelAnchor: "center",
        labelArrow: "none",
      }),
      rowAxis(Plot, layers, { middle: 0.5, every }),
      (/** @type {any} */ _index, /** @type {any} */ { x, y }) =>
        s("g", { class: `kv-heat-${tensor}`, "shape-rendering": "crispEdges" }, ...cells(layers.map(of), tensor, steps, x, y, width)),
      Plot.ruleX(
        heads.slice(1).map((head) => head * headDim),
        { stroke: "var(--page)", strokeWidth: 1.5 },
      ),
    ],
  });
  return withReading(svg, layers, of, width, headDim);
}

/**
 * @param {TensorPicture[]} pictures @param {TensorName} tensor @param {ReturnType<typeof ramp>} steps
 * @param {(value: number) => number} x @param {(value: number) => number} y @param {number} width
 */
function cells(pictures, tensor, steps, x, y, width) {
  const paths = Array.from({ length: STEPS }, () => /** @type {string[]} */ ([]));
  pictures.forEach(({ channels }, i) => {
    const top = y(i).toFixed(1);
    const tall = (y(i + 1) - y(i)).toFixed(1);
    // Channels that share a pixel are drawn as their greatest, so that no outlier is lost.
    const merge = Math.max(1, Math.ceil(channels.length / width));
    let from = 0;
    let step = -1;
    for (let c = 0; c <= channels.length; c += merge) {
      const next = c < channels.length ? steps.of(Math.max(...channels.slice(c, c + merge))) : -1;
      if (next === step) continue;
      if (step >= 0)
        paths[step].push(`M${x(from).toFixed(1)},${top}H${x(Math.min(c, channels.length)).toFixed(1)}v${tall}H${x(from).toFixed(1)}z`);
      from = c;
      step = next;
    }
  });
  return paths.flatMap((path, step) => (path.length > 0 ? paint(tensor, step, path.join("")) : []));
}

/**
 * Shows the cell under the pointer as a line above the map.
 * @param {any} svg @param {LayerPicture[]} layers @param {(layer: LayerPicture) => TensorPicture} of @param {number} width @param {number} headDim
 */
function withReading(svg, layers, of, width, headDim) {
  const words = /** @type {SVGTextElement} */ (
    s("text", { x: width - BASE.marginRight, y: -7, "text-anchor": "end", "font-size": FONT + 1, fill: "var(--ink)", class: "kv-handle" })
  );
  svg.append(words);
  const x = svg.scale("x");
  const y = svg.scale("y");
  svg.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(words.getScreenCTM()?.inverse());
    const layer = layers[Math.floor(y.invert(point.y))];
    const channel = Math.floor(x.invert(point.x));
    const value = layer && of(layer).channels[channel];
    words.textContent =
      value === undefined
        ? ""
        : `layer ${layer.layerId}, head ${Math.floor(channel / headDim)}, channel ${channel % headDim}: ${digits3(value)}`;
  });
  svg.addEventListener("pointerleave", () => (words.textContent = ""));
  return svg;
}
