// Rate against distortion of a sweep: a point for each combination, the Pareto front, and the thresholds as lines to drag.

import { h, fill } from "../dom.js";
import { BASE, TIP, digits3, FONT, logTick, logTicks, panelWidth, times, valueAxis } from "./axis.js";
import { logScale } from "./error.js";
import { best, combos, limitsOf, paretoFront, passes } from "./limits.js";
import { colour, s, sheet, stroke } from "./svg.js";
import { handle } from "./handle.js";
import { markLegend, markPath, whiskerPath } from "./combo-marks.js";

/** @typedef {import("./limits.js").Combo} Combo */
/** @typedef {import("./limits.js").Limits} Limits */
/** @typedef {"mae" | "cosineGap"} Measure */

const AXIS = {
  mae: { K: "Mean absolute error of K", V: "Mean absolute error of V" },
  cosineGap: { K: "1 − cosine of K", V: "1 − cosine of V" },
};

/**
 * @param {import("../engine/core.js").Report} report
 * @param {{ take?: (settings: Record<string, string>) => void, limit?: (settings: Record<string, string>) => void, judge?: (settings: Record<string, string>) => void }} [actions]
 *   `take` gets a clicked combination's settings, `limit` the thresholds after a drag, `judge` while they move
 * @returns {import("./figure.js").Chart}
 */
export function sweepChart(report, actions = {}) {
  const all = combos(report);
  const limits = limitsOf(report.settings);
  const title = "Rate against distortion";
  const above = h("div", { class: "kv-best", role: "status" });
  say(above, all, limits, actions);
  return {
    name: "sweep",
    title,
    note: "Each mark is one combination; filled marks stay within all four thresholds. Up and to the left is better.",
    hint: actions.take && "Drag a threshold to move it; click a mark to take its settings.",
    choice: {
      label: "Distortion",
      options: [
        { value: "mae", label: "Mean absolute error" },
        { value: "cosineGap", label: "1 − cosine" },
      ],
    },
    above,
    draw: (Plot, { width, choice, redraw, still }) => {
      const measure = /** @type {Measure} */ (choice ?? "mae");
      const columns = width >= 640 ? 2 : 1;
      const view = { Plot, all, limits, measure, width: panelWidth(width, columns), still: still ?? false };
      const changed = () => {
        say(above, all, limits, actions);
        actions.judge?.(asSettings(limits));
      };
      const left = () => actions.limit?.(asSettings(limits));
      const done = () => {
        left();
        redraw();
      };
      return sheet({
        title,
        width,
        columns,
        interactive: !still,
        legend: legend(all),
        panels: /** @type {const} */ (["K", "V"]).map((tensor) => ({ svg: panel(view, tensor, actions, changed, done, left) })),
      });
    },
    table: () => ({
      columns: ["Block size", "Top-k ratio", "Bits", "K, ×", "V, ×", "KV, ×", "K MAE", "V MAE", "1 − K cosine", "1 − V cosine", "Within"],
      rows: all.map((combo) => [
        ...[combo.blockSize, combo.topkRatio, combo.bits, ...[combo.kRatio, combo.vRatio, combo.kvRatio].map((r) => r.toFixed(3))],
        ...[combo.k.mae, combo.v.mae, 1 - combo.k.cosine, 1 - combo.v.cosine].map(digits3),
        passes(combo, limits) ? "yes" : "no",
      ]),
    }),
  };
}

/** @param {Limits} limits */
const asSettings = (limits) => ({
  "max-k-mae": String(limits.kMae),
  "max-v-mae": String(limits.vMae),
  "min-k-cosine": String(limits.kCosine),
  "min-v-cosine": String(limits.vCosine),
});

/** @param {Combo} combo */
const comboSettings = (combo) => ({
  "block-size": String(combo.blockSize),
  "topk-ratio": String(combo.topkRatio),
  bits: String(combo.bits),
});

/** @param {Combo} combo */
const describe = (combo) => `block size ${combo.blockSize}, top-k ratio ${combo.topkRatio}, ${combo.bits} bits`;

/** @param {HTMLElement} place @param {Combo[]} all @param {Limits} limits @param {{ take?: (settings: Record<string, string>) => void }} actions */
function say(place, all, limits, { take }) {
  const winner = best(all, limits);
  const total = (/** @type {Combo[]} */ some) => some.reduce((sum, { count }) => sum + count, 0);
  const within = total(all.filter((combo) => passes(combo, limits)));
  if (!winner) {
    fill(place, "No combination stays within these thresholds. Move a threshold to the right, or sweep more bits.");
    return;
  }
  fill(
    place,
    h("strong", {}, `Best within these thresholds: ${describe(winner)}.`),
    ` KV ${times(winner.kvRatio)}, mean absolute error ${digits3(winner.k.mae)} on K and ${digits3(winner.v.mae)} on V. ${within} of ${total(all)} combinations pass. `,
    take && h("button", { type: "button", class: "link", on: { click: () => take(comboSettings(winner)) } }, "Take these settings"),
  );
}

/** @param {Combo[]} all */
const legend = (all) => [
  ...markLegend(all),
  { swatch: stroke("var(--muted)", undefined, 1.4), text: "Pareto front" },
  { swatch: stroke("var(--ink)", "4 3", 1.4), text: "threshold" },
];

/**
 * @param {{ Plot: any, all: Combo[], limits: Limits, measure: Measure, width: number, still: boolean }} view
 * @param {"K" | "V"} tensor
 * @param {{ take?: (settings: Record<string, string>) => void }} actions
 * @param {() => void} changed while a threshold moves
 * @param {() => void} done when it is let go
 * @param {() => void} left when the focus leaves it
 * @returns {SVGSVGElement}
 */
function panel({ Plot, all, limits, measure, width, still }, tensor, actions, changed, done, left) {
  const of = (/** @type {Combo} */ combo) => (tensor === "K" ? combo.k : combo.v);
  const error = (/** @type {Combo} */ combo) => (measure === "mae" ? of(combo).mae : Math.max(0, 1 - of(combo).cosine));
  const key = /** @type {keyof Limits} */ (`${tensor.toLowerCase()}${measure === "mae" ? "Mae" : "Cosine"}`);
  const limit = measure === "mae" ? limits[key] : 1 - limits[key];
  const { foot, ...scale } = logScale([...all.map(error), ...(limit > 0 ? [limit * 1.2, limit / 1.2] : [])]);
  const ratios = all.map((combo) => combo.kvRatio);
  const spread = Math.max(0.02, Math.max(...ratios) - Math.min(...ratios));
  const front = paretoFront(all, error);
  const at = (/** @type {Combo} */ combo) => error(combo) || foot;
  const svg = Plot.plot({
    ...BASE,
    width,
    height: 300,
    x: scale,
    y: { domain: [Math.min(...ratios) - spread * 0.12, Math.max(...ratios) + spread * 0.18] },
    marks: [
      ...valueAxis(Plot, "KV ratio, ×", { tickFormat: "~f", ticks: 6 }),
      Plot.axisX({
        ticks: logTicks(scale.domain),
        text: logTick,
        tickSize: 3,
        label: AXIS[measure][tensor],
        labelAnchor: "center",
        labelArrow: "none",
      }),
      Plot.ruleY([Math.min(...ratios) - spread * 0.12], { stroke: "var(--ink)" }),
      Plot.line(front, { x: at, y: "kvRatio", curve: "step-after", stroke: "var(--muted)", strokeWidth: 1.4, className: "kv-front" }),
      Plot.tip(
        all,
        Plot.pointer({
          ...TIP,
          x: at,
          y: "kvRatio",
          maxRadius: 24,
          title: (/** @type {Combo} */ combo) =>
            [
              `Block ${combo.blockSize}, top-k ${combo.topkRatio}, ${combo.bits} bits`,
              `KV ${times(combo.kvRatio)}  (K ${times(combo.kRatio)}, V ${times(combo.vRatio)})`,
              `K  MAE ${digits3(combo.k.mae)}, 1 − cosine ${digits3(1 - combo.k.cosine)}`,
              `V  MAE ${digits3(combo.v.mae)}, 1 − cosine ${digits3(1 - combo.v.cosine)}`,
            ].join("\n"),
        }),
      ),
    ],
  });
  const x = svg.scale("x");
  const y = svg.scale("y");
  const dots = all.map((combo) => dot(combo, `translate(${x.apply(at(combo))},${y.apply(combo.kvRatio)})`));
  const whiskers = all.map((combo) =>
    s("path", {
      d: whiskerPath(all, combo),
      transform: `translate(${x.apply(at(combo))},${y.apply(combo.kvRatio)})`,
      stroke: colour[tensor],
      "stroke-width": 1.6,
      class: "kv-whisker",
    }),
  );
  const ring = s("path", { fill: "none", stroke: "var(--ink)", "stroke-width": 1.4, class: "kv-winner" });
  const name = s(
    "text",
    {
      fill: "var(--ink)",
      "font-size": FONT,
      "font-weight": 600,
      "text-anchor": "middle",
      stroke: "var(--page)",
      "stroke-width": 3,
      "paint-order": "stroke",
    },
    "best",
  );
  const paint = () => {
    dots.forEach((node, i) => node.setAttribute("fill", passes(all[i], limits) ? colour[tensor] : "var(--page)"));
    const winner = best(all, limits);
    for (const node of [ring, name]) node.setAttribute("visibility", winner ? "visible" : "hidden");
    if (!winner) return;
    const [cx, cy] = [x.apply(at(winner)), y.apply(winner.kvRatio)];
    ring.setAttribute("d", markPath(all, winner, 3.2));
    ring.setAttribute("transform", `translate(${cx},${cy})`);
    name.setAttribute("x", String(cx));
    name.setAttribute("y", String(cy - 13));
  };
  paint();
  const line =
    limit > 0 &&
    handle({
      x,
      value: limit,
      top: BASE.marginTop,
      bottom: 300 - BASE.marginBottom,
      still,
      label: `Threshold: ${AXIS[measure][tensor].toLowerCase()}`,
      text: (value) => digits3(value),
      move: (value) => {
        limits[key] = Number((measure === "mae" ? value : 1 - value).toPrecision(measure === "mae" ? 3 : 9));
        paint();
        changed();
      },
      done,
      left,
    });
  const tip = svg.querySelector('[aria-label="tip"]');
  for (const node of [line, ...whiskers, ...dots, ring, name]) if (node) svg.insertBefore(node, tip);
  return svg;

  /** @param {Combo} combo @param {string} transform */
  function dot(combo, transform) {
    const open = !still && actions.take;
    const node = s("path", {
      d: markPath(all, combo),
      transform,
      stroke: colour[tensor],
      "stroke-width": 1.6,
      class: `kv-point kv-combo-${tensor}`,
      ...(open ? { tabindex: 0, role: "button", "aria-label": `Take ${describe(combo)}: KV ${times(combo.kvRatio)}` } : {}),
    });
    if (open) {
      const take = () => actions.take?.(comboSettings(combo));
      node.addEventListener("click", take);
      node.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        take();
      });
    }
    return node;
  }
}
