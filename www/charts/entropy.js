// The order-0 entropy of each byte plane beside what zstd reaches, before and after the delta along the tokens. The entropy bounds coders that
// take each byte by itself; zstd has a memory and may need less.

/** @import { Plot } from "./figure.js" */
import { BASE, TIP, rowAxis, whole } from "./axis.js";
import { byRun } from "./runs.js";
import { colour, pairs, s } from "./svg.js";

/** @typedef {import("./heatmap.js").LayerPicture} LayerPicture */
/** @typedef {{ layer: LayerPicture, layerId: number, i: number, tensor: "K" | "V", plane: string, delta: boolean, bytes: number, entropy: number, zstd: number, size: number }} Reach */

const NAMES = /** @type {Record<string, string>} */ ({
  hi: "high plane: sign, exponent, first mantissa bits",
  lo: "low plane: last mantissa bits",
});

/** @param {LayerPicture[]} layers @returns {Reach[]} */
function reaches(layers) {
  return layers.flatMap((layer, i) =>
    /** @type {const} */ (["K", "V"]).flatMap((tensor) =>
      (tensor === "K" ? layer.k : layer.v).planes.flatMap((plane) =>
        [false, true].map((delta) => {
          const coded = delta ? plane.delta : plane.plain;
          const { bytes } = plane;
          return {
            layer,
            layerId: layer.layerId,
            i,
            tensor,
            plane: plane.name,
            delta,
            bytes,
            entropy: coded.entropy,
            size: coded.zstd,
            zstd: bytes > 0 ? (coded.zstd * 8) / bytes : 0,
          };
        }),
      ),
    ),
  );
}

/**
 * @param {LayerPicture[]} layers
 * @returns {import("./figure.js").Chart}
 */
export function entropyChart(layers) {
  const runs = byRun(layers);
  const title = "Entropy of single bytes, and zstd";
  const ink = { stroke: "var(--ink)", "stroke-width": 1.8 };
  return {
    name: "entropy",
    title,
    choice: runs.choice,
    note: "Order-0 entropy is what an ideal coder that looks at one byte at a time needs. The short bar is what zstd reaches: to the right of the circle it pays more, to the left it found repeats.",
    draw: (Plot, { width, choice }) => {
      const layers = runs.of(choice);
      const all = reaches(layers);
      const legend = [
        { swatch: s("circle", { cx: 7, cy: 7, r: 3.8, fill: "var(--page)", ...ink }), text: "entropy, plane as it is" },
        { swatch: s("circle", { cx: 7, cy: 7, r: 3.8, fill: "var(--ink)", ...ink }), text: "entropy, after the delta" },
        { swatch: s("line", { x1: 7, x2: 7, y1: 1, y2: 13, stroke: "var(--ink)", "stroke-width": 3 }), text: "zstd" },
      ];
      return pairs({ title, width, legend }, (panelWidth) =>
        /** @type {const} */ (["K", "V"]).flatMap((tensor) =>
          [...new Set(all.map(({ plane }) => plane))].map((plane) => ({
            heading: `${tensor}, ${width < 500 ? NAMES[plane].split(":")[0] : NAMES[plane]}`,
            svg: panel(
              Plot,
              all.filter((reach) => reach.tensor === tensor && reach.plane === plane),
              all,
              layers,
              panelWidth,
            ),
          })),
        ),
      );
    },
    table: () => ({
      columns: [
        ...runs.column,
        "Layer",
        "Tensor",
        "Plane",
        "Delta",
        "Bytes",
        "Entropy, bits per byte",
        "By single bytes",
        "zstd, bytes",
        "Difference, bytes",
      ],
      rows: reaches(layers).map((reach) => {
        const bound = (reach.entropy * reach.bytes) / 8;
        return [
          ...runs.cell(reach.layer),
          ...[reach.layerId, reach.tensor, reach.plane === "hi" ? "high" : "low", reach.delta ? "yes" : "no", reach.bytes],
          reach.entropy.toFixed(3),
          Math.ceil(bound),
          reach.size,
          Math.round(reach.size - bound),
        ];
      }),
    }),
  };
}

/** @param {Plot} Plot @param {Reach[]} reaches @param {Reach[]} all @param {LayerPicture[]} layers @param {number} width */
function panel(Plot, reaches, all, layers, width) {
  const row = layers.length > 16 ? 16 : 22;
  const low = Math.min(...all.flatMap(({ entropy, zstd }) => [entropy, zstd]));
  const y = (/** @type {Reach} */ reach) => reach.i + (reach.delta ? 0.2 : -0.2);
  const tensor = reaches[0]?.tensor ?? "K";
  return Plot.plot({
    ...BASE,
    marginTop: 22,
    width,
    height: row * layers.length + 22 + BASE.marginBottom,
    x: { domain: [Math.max(0, Math.floor(low * 2 - 0.3) / 2), Math.max(8.2, ...all.map(({ zstd }) => zstd + 0.1))] },
    y: { domain: [-0.6, layers.length - 0.4], reverse: true, axis: null },
    marks: [
      Plot.gridX({ stroke: "var(--line)", strokeOpacity: 1, interval: 1 }),
      Plot.axisX({ interval: 1, tickSize: 0, tickFormat: "d", label: "Bits per byte", labelAnchor: "center", labelArrow: "none" }),
      rowAxis(Plot, layers),
      Plot.ruleX([8], { stroke: "var(--ink)", strokeWidth: 1 }),
      Plot.ruleY(reaches, { y, x1: "entropy", x2: "zstd", stroke: colour[tensor], strokeWidth: 1.6 }),
      Plot.link(reaches, {
        x1: "zstd",
        x2: "zstd",
        y1: (/** @type {Reach} */ reach) => y(reach) - 0.17,
        y2: (/** @type {Reach} */ reach) => y(reach) + 0.17,
        stroke: colour[tensor],
        strokeWidth: 3,
      }),
      Plot.dot(reaches, {
        x: "entropy",
        y,
        r: 3.2,
        fill: (/** @type {Reach} */ reach) => (reach.delta ? colour[tensor] : "var(--page)"),
        stroke: colour[tensor],
        strokeWidth: 1.6,
      }),
      Plot.tip(
        reaches,
        Plot.pointer({
          ...TIP,
          x: "entropy",
          y,
          title: (/** @type {Reach} */ reach) =>
            [
              `Layer ${reach.layerId}, ${reach.delta ? "after the delta" : "as it is"}`,
              `entropy ${reach.entropy.toFixed(3)} bits per byte`,
              `zstd ${reach.zstd.toFixed(3)}: ${whole(reach.size)} of ${whole(reach.bytes)} B`,
            ].join("\n"),
        }),
      ),
    ],
  });
}
