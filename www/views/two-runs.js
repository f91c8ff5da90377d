// Two runs side by side: the settings in which they differ, and their figures with the difference.

/** @import { App } from "../app.js" */
/** @import { Row } from "../engine/core.js" */
/** @import { Outcome } from "../types.js" */
import { h } from "../dom.js";
import { commonRows, totals } from "../figures.js";
import { error, plural } from "../format.js";
import { drawComparison } from "./charts.js";
import { comparable } from "./headline.js";
import { bestRows, nameOf } from "./runs.js";

/** @param {App} app @param {Outcome} now @param {Outcome} other */
export function comparison({ store }, now, other) {
  // The earlier run stands left, whichever was chosen first.
  const [a, b] = now.id < other.id ? [now, other] : [other, now];
  const names = [a, b].map(nameOf);
  const settings = settingRows(a, b);
  const common = commonRows([bestRows(a), bestRows(b)]);
  const charts = h("div", { class: "charts", "data-analysis": "compare" });
  if (a.report && b.report) void drawComparison(charts, { name: names[0], report: a.report }, { name: names[1], report: b.report });
  return [
    h(
      "div",
      { class: "table-head" },
      h("h3", {}, `Runs ${names.join(" and ")}`),
      h("button", { type: "button", class: "quiet", on: { click: () => store.set({ comparedTo: null }) } }, "End comparison"),
    ),
    h("p", { class: "covers muted" }, scope(common[0], a, b)),
    charts,
    h(
      "div",
      { class: "compare-pair" },
      simpleTable("Figures", [...names, "difference"], figureRows(common)),
      settings.length > 0 ? simpleTable("Settings that differ", names, settings) : h("p", { class: "muted" }, "The settings are the same."),
    ),
  ];
}

/** @param {string} caption @param {string[]} heads @param {HTMLElement[]} rows */
function simpleTable(caption, heads, rows) {
  return h(
    "div",
    { class: "table-scroll", role: "region", tabindex: "0", "aria-label": caption },
    h(
      "table",
      { class: "compare" },
      h("caption", { class: "visually-hidden" }, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("td", {}, caption),
          heads.map((head) => h("th", { scope: "col" }, head)),
        ),
      ),
      h("tbody", {}, rows),
    ),
  );
}

/** @param {Outcome} a @param {Outcome} b */
function settingRows(a, b) {
  const [left, right] = [a.report?.settings ?? {}, b.report?.settings ?? {}];
  const flags = [...new Set([...Object.keys(left), ...Object.keys(right)])].filter(
    (flag) => String(left[flag] ?? "–") !== String(right[flag] ?? "–"),
  );
  return flags.map((flag) =>
    h("tr", {}, h("th", { scope: "row" }, flag), h("td", {}, String(left[flag] ?? "–")), h("td", {}, String(right[flag] ?? "–"))),
  );
}

/** What the figures are over. @param {Row[]} common @param {Outcome} a @param {Outcome} b */
function scope(common, a, b) {
  const layers = (/** @type {Row[]} */ rows) => new Set(rows.map((row) => row.layerId)).size;
  const [both, all] = [layers(common), Math.max(layers(a.rows), layers(b.rows))];
  if (both === 0) return "These runs have no capture in common.";
  return both === all
    ? `Over all ${plural(both, "layer")}, which both runs measured.`
    : `Over the ${plural(both, "layer")} that both runs measured, of ${all}: the others are left out of these figures.`;
}

/** @param {Row[][]} rows */
function figureRows([left, right]) {
  if (left.length === 0) return [];
  const others = comparable(totals(right));
  return comparable(totals(left)).map(([name, value, write, side], i) => {
    const other = others[i][1];
    const difference = value === null || other === null ? "–" : signed(other - value);
    return h(
      "tr",
      { class: side },
      h("th", { scope: "row" }, name),
      h("td", {}, value === null ? "–" : write(value)),
      h("td", {}, other === null ? "–" : write(other)),
      h("td", {}, difference),
    );
  });
}

/** @param {number} n */
const signed = (n) => (n > 0 ? `+${error(n)}` : n < 0 ? `−${error(-n)}` : "0");
