// Two runs side by side: the settings in which they differ, and their figures with the difference.

/** @import { App } from "../app.js" */
/** @import { Explored, Row } from "../engine/core.js" */
/** @import { Answer } from "../explore/search.js" */
/** @import { Outcome, State } from "../types.js" */
import { h } from "../dom.js";
import { scrollable } from "../scrollable.js";
import { measured } from "../explore/search.js";
import { whoOf, withOf } from "../explore/words.js";
import { commonRows, dumpOf, totals, variantName } from "../figures.js";
import { count, error, plural, size } from "../format.js";
import { hasEffect, paramsOf, specOf } from "../settings.js";
import { drawComparison } from "./charts.js";
import { comparable } from "./headline.js";
import { bestOf, bestRows, nameOf } from "./runs.js";

/** @param {App} app @param {Outcome} now @param {Outcome} other */
export function comparison({ store }, now, other) {
  // The earlier run stands left, whichever was chosen first.
  const [a, b] = now.id < other.id ? [now, other] : [other, now];
  const names = [a, b].map(nameOf);
  const settings = settingRows(store.get(), a, b);
  const explored = [a.report?.explored, b.report?.explored];
  const sameDump = dumpOf(a) === dumpOf(b);
  const rows = [bestRows(a), bestRows(b)];
  const common = sameDump ? commonRows(rows) : rows;
  const charts = h("div", { class: "charts", "data-analysis": "compare" });
  if (sameDump && !explored[0]) void drawComparison(charts, { name: names[0], rows: common[0] }, { name: names[1], rows: common[1] });
  return [
    h(
      "div",
      { class: "table-head" },
      h("h3", {}, `Runs ${names.join(" and ")}`),
      h("button", { type: "button", class: "quiet", on: { click: () => store.set({ comparedTo: null }) } }, "End comparison"),
    ),
    explored[0]
      ? !sameDump &&
        h(
          "p",
          { class: "covers muted" },
          `These runs searched different dumps, ${a.dumpName} and ${b.dumpName}: sizes are those of each dump.`,
        )
      : h("p", { class: "covers muted" }, sameDump ? scope(common[0], a, b) : apart(a, b), variants(a, b)),
    explored[0] || !sameDump ? null : charts,
    h(
      "div",
      { class: "compare-pair" },
      explored[0] && explored[1]
        ? simpleTable("Answers", names, answerRows(explored[0], explored[1]))
        : simpleTable("Figures", [...names, "difference"], figureRows(common)),
      settings.length > 0 ? simpleTable("Settings that differ", names, settings) : h("p", { class: "muted" }, "The settings are the same."),
    ),
  ];
}

/** @param {string} caption @param {string[]} heads @param {HTMLElement[]} rows */
function simpleTable(caption, heads, rows) {
  return scrollable(
    caption,
    { class: "table-scroll" },
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

/** @param {State} state @param {Outcome} a @param {Outcome} b */
function settingRows(state, a, b) {
  const [left, right] = [a, b].map((outcome) => named(state, outcome));
  return [...new Set([...left.keys(), ...right.keys()])]
    .filter((label) => left.get(label) !== right.get(label))
    .map((label) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, label),
        [left, right].map((settings) => h("td", {}, settings.get(label) ?? "–")),
      ),
    );
}

/** A run's settings by the names that the form has for them, without those that had no effect. @param {State} state @param {Outcome} outcome */
function named(state, { analysis, report }) {
  const spec = specOf(state, analysis);
  const settings = report?.settings ?? {};
  const text = (/** @type {string} */ flag) => String(settings[flag]);
  const params = (spec ? paramsOf(spec) : []).filter((param) => param.flag in settings && hasEffect(param, text));
  return new Map(params.map(({ flag, label }) => [label, text(flag) || "none"]));
}

/** What the figures are over. @param {Row[]} common @param {Outcome} a @param {Outcome} b */
function scope(common, a, b) {
  const layers = (/** @type {Row[]} */ rows) => new Set(rows.map((row) => row.layerId)).size;
  const [both, all] = [layers(common), Math.max(layers(a.rows), layers(b.rows))];
  if (both === 0) return "These runs have no capture in common.";
  if (both !== all)
    return `Over the ${plural(both, "layer")} that both runs measured, of ${all}: the others are left out of these figures.`;
  const captures = (/** @type {Row[]} */ rows) => new Set(rows.map((row) => row.capture)).size;
  const [shared, most] = [captures(common), Math.max(captures(bestRows(a)), captures(bestRows(b)))];
  return shared === most
    ? `Over the ${plural(both, "layer")} that both runs measured.`
    : `Over the ${plural(shared, "capture")} that both runs measured, of ${count(most)}: the others are left out of these figures.`;
}

/** @param {Outcome} a @param {Outcome} b */
const apart = (a, b) =>
  `These runs measured different dumps, ${a.dumpName} and ${b.dumpName}: the figures of each are over all layers that it measured.`;

/** Of a run with several variants, which of them these figures are of. @param {...Outcome} runs */
const variants = (...runs) =>
  runs.flatMap((run) => {
    const best = (run.report?.groups.length ?? 0) > 1 ? bestOf(run) : null;
    return best ? [` ${nameOf(run)}: ${variantName(best.variant)}.`] : [];
  });

/** What two searches chose: size and ratio, and what it is. @param {Explored} left @param {Explored} right */
function answerRows(left, right) {
  const [a, b] = [left, right].map((explored) => explored.choices.map((choice) => measured(explored, choice)));
  const limit = (/** @type {Explored} */ { limitKind, limit }) => `${limitKind} ${limit}`;
  const cell = (/** @type {Answer | undefined} */ answer) =>
    h("td", {}, answer ? [`${size(answer.contextBytes)}, ${answer.ratio.toFixed(2)}×`, h("br"), h("code", {}, withOf(answer))] : "–");
  const ids = [...new Set([...a, ...b].map(({ id }) => id))];
  return [
    h("tr", {}, h("th", { scope: "row" }, "Limit"), h("td", {}, limit(left)), h("td", {}, limit(right))),
    ...ids.map((id) => {
      const both = [a, b].map((answers) => answers.find((answer) => answer.id === id));
      const known = both[0] ?? both[1];
      return h("tr", {}, h("th", { scope: "row" }, known ? whoOf(known) : id), both.map(cell));
    }),
  ];
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
