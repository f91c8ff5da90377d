// Rate against distortion of a sweep: a point for each combination, the Pareto front, and the thresholds as lines to drag.

/** @import { Plot } from "./figure.js" */
import { h, fill } from "../dom.js";
import { count } from "../format.js";
import { BASE, TIP, digits3, FONT, logTick, logTicks, panelWidth, times, valueAxis } from "./axis.js";
import { logScale } from "./error.js";
import { best, combos, limitsOf, paretoFront, passes } from "./limits.js";
import { colour, s, sheet, stroke } from "./svg.js";
import { handle } from "./handle.js";
import { markLegend, markPath, whiskerPath } from "./combo-marks.js";

/** Height of a panel in pixels. */
const HEIGHT = 300;

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

/** @param {HTMLElement} place @param {Combo[]} all @param {Limits} limits @param {Actions} actions */
function say(place, all, limits, { take }) {
  const winner = best(all, limits);
  const total = (/** @type {Combo[]} */ some) => some.reduce((sum, combo) => sum + combo.count, 0);
  const within = total(all.filter((combo) => passes(combo, limits)));
  if (!winner) {
    fill(place, "No combination stays within these thresholds. Move a threshold to the right, or sweep more bits.");
    return;
  }
  fill(
    place,
    h("strong", {}, `Best within these thresholds: ${describe(winner)}.`),
    ` KV ${times(winner.kvRatio)}, mean absolute error ${digits3(winner.k.mae)} on K and ${digits3(winner.v.mae)} on V. ${count(within)} of ${count(total(all))} combinations pass. `,
    take && h("button", { type: "button", class: "link", on: { click: () => take(comboSettings(winner)) } }, "Take these settings"),
  );
}

/** @param {Combo[]} all */
const legend = (all) => [
  ...markLegend(all),
  { swatch: stroke("var(--muted)", undefined, 1.4), text: "Pareto front" },
  { swatch: stroke("var(--ink)", "4 3", 1.4), text: "threshold" },
];

/** @typedef {{ Plot: Plot, all: Combo[], limits: Limits, measure: Measure, width: number, still: boolean }} View */
/** @typedef {{ take?: (settings: Record<string, string>) => void }} Actions */

/**
 * @param {View} view
 * @param {"K" | "V"} tensor
 * @param {Actions} actions
 * @param {() => void} changed while a threshold moves
 * @param {() => void} done when it is let go
 * @param {() => void} left when the focus leaves it
 * @returns {SVGSVGElement}
 */
function panel(view, tensor, actions, changed, done, left) {
  const { all, limits, measure, still } = view;
  const key = /** @type {keyof Limits} */ (`${tensor.toLowerCase()}${measure === "mae" ? "Mae" : "Cosine"}`);
  const limit = measure === "mae" ? limits[key] : 1 - limits[key];
  const { svg, at } = field(view, tensor, limit);
  const take = still ? undefined : actions.take;
  const dots = all.map((combo) => dot(all, combo, tensor, at(combo), take));
  const whiskers = all.map((combo) =>
    s("path", {
      d: whiskerPath(all, combo),
      transform: `translate(${at(combo)})`,
      stroke: colour[tensor],
      "stroke-width": 1.6,
      class: "kv-whisker",
    }),
  );
  const winner = winnerMark(all);
  const paint = () => {
    dots.forEach((node, i) => node.setAttribute("fill", passes(all[i], limits) ? colour[tensor] : "var(--page)"));
    winner.put(best(all, limits), at);
  };
  paint();
  const line =
    limit > 0 &&
    handle({
      x: svg.scale("x"),
      value: limit,
      top: BASE.marginTop,
      bottom: HEIGHT - BASE.marginBottom,
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
  for (const node of [line, ...whiskers, ...dots, ...winner.nodes]) if (node) svg.insertBefore(node, tip);
  return svg;
}

/**
 * Axes, the front, and what the pointer shows.
 * @param {View} view
 * @param {"K" | "V"} tensor
 * @param {number} limit of the error, 0 for none
 * @returns {{ svg: any, at: (combo: Combo) => [number, number] }} and where a combination is
 */
function field({ Plot, all, measure, width }, tensor, limit) {
  const of = (/** @type {Combo} */ combo) => (tensor === "K" ? combo.k : combo.v);
  const error = (/** @type {Combo} */ combo) => (measure === "mae" ? of(combo).mae : Math.max(0, 1 - of(combo).cosine));
  const { foot, ...scale } = logScale([...all.map(error), ...(limit > 0 ? [limit * 1.2, limit / 1.2] : [])]);
  const ratios = all.map((combo) => combo.kvRatio);
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  const spread = Math.max(0.02, most - least);
  const across = (/** @type {Combo} */ combo) => error(combo) || foot;
  const svg = Plot.plot({
    ...BASE,
    width,
    height: HEIGHT,
    x: scale,
    y: { domain: [least - spread * 0.12, most + spread * 0.18] },
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
      Plot.ruleY([least - spread * 0.12], { stroke: "var(--ink)" }),
      Plot.line(paretoFront(all, error), {
        x: across,
        y: "kvRatio",
        curve: "step-after",
        stroke: "var(--muted)",
        strokeWidth: 1.4,
        className: "kv-front",
      }),
      Plot.tip(all, Plot.pointer({ ...TIP, x: across, y: "kvRatio", maxRadius: 24, title: tipText })),
    ],
  });
  const [x, y] = [svg.scale("x"), svg.scale("y")];
  return { svg, at: (combo) => [x.apply(across(combo)), y.apply(combo.kvRatio)] };
}

/** @param {Combo} combo */
const tipText = (combo) =>
  [
    `Block ${combo.blockSize}, top-k ${combo.topkRatio}, ${combo.bits} bits`,
    `KV ${times(combo.kvRatio)}  (K ${times(combo.kRatio)}, V ${times(combo.vRatio)})`,
    `K  MAE ${digits3(combo.k.mae)}, 1 − cosine ${digits3(1 - combo.k.cosine)}`,
    `V  MAE ${digits3(combo.v.mae)}, 1 − cosine ${digits3(1 - combo.v.cosine)}`,
  ].join("\n");

/** The ring around the best combination, and its name. @param {Combo[]} all */
function winnerMark(all) {
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
  const nodes = [ring, name];
  /** @param {Combo | null} winner @param {(combo: Combo) => [number, number]} at */
  const put = (winner, at) => {
    for (const node of nodes) node.setAttribute("visibility", winner ? "visible" : "hidden");
    if (!winner) return;
    const [x, y] = at(winner);
    ring.setAttribute("d", markPath(all, winner, 3.2));
    ring.setAttribute("transform", `translate(${x},${y})`);
    name.setAttribute("x", String(x));
    name.setAttribute("y", String(y - 13));
  };
  return { nodes, put };
}

/**
 * A combination's mark, which can be clicked where there is something to take.
 * @param {Combo[]} all
 * @param {Combo} combo
 * @param {"K" | "V"} tensor
 * @param {[number, number]} place
 * @param {Actions["take"]} take
 */
function dot(all, combo, tensor, place, take) {
  const node = s("path", {
    d: markPath(all, combo),
    transform: `translate(${place})`,
    stroke: colour[tensor],
    "stroke-width": 1.6,
    class: `kv-point kv-combo-${tensor}`,
    ...(take ? { tabindex: 0, role: "button", "aria-label": `Take ${describe(combo)}: KV ${times(combo.kvRatio)}` } : {}),
  });
  if (take) {
    const chosen = () => take(comboSettings(combo));
    node.addEventListener("click", chosen);
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      chosen();
    });
  }
  return node;
}
