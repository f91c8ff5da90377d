// What brings what: the ratio that the coded scheme reaches with its steps turned on one by one, each bar's gain set off.

/** @import { Plot } from "./figure.js" */
import { BASE, FONT } from "./axis.js";
import { sheet } from "./svg.js";

/** @import { Explored, StepGain } from "../engine/core.js" */
/** @typedef {StepGain & { from: number }} Bar */

/** @param {Explored} explored @returns {import("./figure.js").Chart | null} */
export function stepsChart({ steps }) {
  if (steps.length === 0) return null;
  const title = "What brings what";
  /** @type {Bar[]} */
  const bars = steps.map((step, i) => ({ ...step, from: i === 0 ? 0 : steps[i - 1].ratio }));
  return {
    name: "steps",
    title,
    note: `K and V each at cosine ${steps[0].cosine}, on a few layers of this dump. The dark part is what a step adds, a dashed one what it costs here.`,
    draw: (Plot, { width }) => sheet({ title, width, legend: [], panels: [{ svg: panel(Plot, bars, width) }] }),
    table: () => ({
      columns: ["Step", "Ratio, ×", "Adds, ×"],
      rows: bars.map(({ step, ratio, from }) => [step, ratio.toFixed(2), (ratio - from).toFixed(2)]),
    }),
  };
}

/** @param {Plot} Plot @param {Bar[]} bars @param {number} width */
function panel(Plot, bars, width) {
  const top = Math.max(...bars.map(({ ratio }) => ratio));
  const marginLeft = Math.min(220, width * 0.45);
  const bar = { y: "step", insetTop: 3, insetBottom: 3 };
  return Plot.plot({
    ...BASE,
    marginLeft,
    marginRight: 64,
    marginTop: 8,
    width,
    height: 44 + 28 * bars.length,
    x: { domain: [0, top * 1.02] },
    y: { domain: bars.map(({ step }) => step) },
    marks: [
      Plot.axisX({ ticks: 5, tickSize: 3, label: "Ratio, ×", labelAnchor: "center", labelArrow: "none" }),
      Plot.axisY({ tickSize: 0, label: null, lineWidth: marginLeft / FONT - 2 }),
      Plot.barX(bars, { ...bar, x1: 0, x2: (/** @type {Bar} */ d) => Math.min(d.from, d.ratio), fill: "var(--ink)", fillOpacity: 0.16 }),
      Plot.barX(bars, { ...bar, x1: (/** @type {Bar} */ d) => Math.min(d.from, d.ratio), x2: "ratio", fill: "var(--accent)" }),
      Plot.barX(
        bars.filter(({ from, ratio }) => ratio < from),
        { ...bar, x1: "ratio", x2: "from", fill: "none", stroke: "var(--line-strong)", strokeDasharray: "3 2" },
      ),
      Plot.text(bars, {
        y: "step",
        x: (/** @type {Bar} */ d) => Math.max(d.from, d.ratio),
        text: (/** @type {Bar} */ d) => `${d.ratio.toFixed(2)}×`,
        dx: 6,
        textAnchor: "start",
        fontSize: FONT,
        fill: "var(--ink)",
      }),
    ],
  });
}
