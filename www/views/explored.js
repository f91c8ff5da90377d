// What explore found, below its answer: files, charts, what to watch, the chosen pairs by layer, all schemes, and what this does not tell.

/** @import { App } from "../app.js" */
/** @import { Explored, LayerRow, Point } from "../engine/core.js" */
/** @import { Outcome } from "../types.js" */
/** @import { Column } from "./table.js" */
import { fill, h } from "../dom.js";
import { cosine, count, error, plural } from "../format.js";
import { limitOf } from "../explore/limit.js";
import { measured } from "../explore/search.js";
import { notTold, whoOf, withOf } from "../explore/words.js";
import { drawCharts } from "./charts.js";
import { sides, table } from "./table.js";

/** @param {App} app @param {Outcome} outcome @param {HTMLElement} charts where they go */
export function exploredView(app, outcome, charts) {
  const report = outcome.report;
  const explored = report?.explored;
  if (!report || !explored) return null;
  const live = { limit: () => limitOf(app.store.get(), explored), redraw: () => {} };
  void drawCharts(charts, report, app, outcome.id, live);
  const stop = app.store.watch(
    ({ values }) => values,
    (_, before) => {
      if (before === undefined) return;
      // Gone with its outcome.
      if (charts.isConnected) live.redraw();
      else stop();
    },
  );
  return [
    charts,
    explored.facts.length > 0 && [
      h("h3", {}, "What to watch"),
      h(
        "ul",
        { class: "facts-list" },
        explored.facts.map(({ text }) => h("li", {}, text)),
      ),
    ],
    explored.notes.length > 0 && [
      h("h3", {}, "Left out"),
      h(
        "ul",
        { class: "facts-list" },
        byReason(explored.notes).map((note) => h("li", {}, note)),
      ),
    ],
    h("h3", {}, "What this does not tell"),
    h(
      "ul",
      { class: "facts-list" },
      notTold(explored).map((text) => h("li", {}, text)),
    ),
    layers(explored),
    h("div", { class: "table-head" }, h("h3", {}, `All schemes: ${plural(explored.points.length, "point")}`)),
    pointTable(explored),
  ];
}

/** Schemes that are left out for the same reason, as one. @param {string[]} notes */
function byReason(notes) {
  /** @type {Map<string, string[]>} */
  const names = new Map();
  for (const note of notes) {
    const [, name, reason] = /^(\S+): (.* is left out)$/s.exec(note) ?? [note, "", note];
    names.set(reason, [...(names.get(reason) ?? []), name]);
  }
  return [...names].map(([reason, all]) => (all[0] ? `${all.join(", ")}: ${reason}` : reason));
}

/** The chosen pairs of the run by layer. @param {Explored} explored */
function layers(explored) {
  const { choices, layerRows } = explored;
  if (layerRows.length === 0) return null;
  const own = choices.map((choice) => measured(explored, choice));
  const slot = h("div");
  const choice = h(
    "select",
    { "aria-label": "Choice of the table by layer", on: { change: () => draw(Number(choice.value)) } },
    own.map((answer, i) => h("option", { value: i }, `${whoOf(answer)}: ${withOf(answer)}`)),
  );
  /** @param {number} which */
  const draw = (which) =>
    fill(
      slot,
      layerTable(
        layerRows.filter((row) => row.choice === which),
        `Layers with K ${choices[which].k}, V ${choices[which].v}`,
      ),
    );
  draw(0);
  return [h("div", { class: "table-head" }, h("h3", {}, "By layer"), choice), slot];
}

/** @param {LayerRow[]} rows @param {string} caption */
function layerTable(rows, caption) {
  const attention = rows.some((row) => row.attentionError !== null);
  const runs = new Set(rows.map(({ run }) => run)).size > 1;
  /** @type {Column<LayerRow>[]} */
  const columns = [
    { head: "Layer", value: (row) => row.layerId },
    ...(runs ? [{ head: "Run", class: "text", value: (/** @type {LayerRow} */ row) => row.run }] : []),
    { head: "Ratio", unit: "×", value: ratioOf, cell: (row) => ratioOf(row).toFixed(3) },
    ...sides((side, name, i) => [
      {
        head: `${name} size`,
        unit: "bytes",
        class: side,
        value: (/** @type {LayerRow} */ row) => row.bytes[i],
        cell: (/** @type {LayerRow} */ row) => count(row.bytes[i]),
      },
      {
        head: `${name} cosine`,
        class: side,
        value: (/** @type {LayerRow} */ row) => row.errors[i].cosine,
        cell: (/** @type {LayerRow} */ row) => cosine(row.errors[i].cosine),
      },
      {
        head: `${name} first token`,
        title: "Relative error of the first token",
        class: side,
        value: (/** @type {LayerRow} */ row) => row.errors[i].first,
        cell: (/** @type {LayerRow} */ row) => error(row.errors[i].first),
      },
    ]),
    ...(attention
      ? [
          {
            head: "Attention error",
            value: (/** @type {LayerRow} */ row) => row.attentionError ?? -1,
            cell: (/** @type {LayerRow} */ row) => (row.attentionError === null ? "–" : error(row.attentionError)),
          },
          {
            head: "Worst head",
            title: "The query head whose outputs move most, and by how much",
            value: (/** @type {LayerRow} */ row) => row.worstHead?.[1] ?? -1,
            cell: (/** @type {LayerRow} */ row) => (row.worstHead ? `${row.worstHead[0]}: ${error(row.worstHead[1])}` : "–"),
          },
        ]
      : []),
  ];
  return table(caption, columns, rows);
}

/** @param {LayerRow} row */
const ratioOf = (row) => row.rawBytes / Math.max(1, row.bytes[0] + row.bytes[1]);

/** @param {Explored} explored */
function pointTable({ points }) {
  /** @type {Column<Point>[]} */
  const columns = [
    { head: "Scheme", class: "text", value: ({ scheme, packed }) => (packed ? `${scheme}, packed` : scheme) },
    {
      head: "For",
      class: "text",
      value: (point) => point.engine ?? { packed: "packed", stored: "stored", reference: "the four", engine: "" }[point.class],
    },
    { head: "Tensor", class: "text", value: ({ tensor }) => tensor.toUpperCase() },
    { head: "Bits", unit: "per value", value: (point) => point.bitsPerValue, cell: (point) => point.bitsPerValue.toFixed(3) },
    { head: "Ratio", unit: "×", value: (point) => point.ratio, cell: (point) => point.ratio.toFixed(3) },
    { head: "Cosine", value: (point) => point.cosine, cell: (point) => cosine(point.cosine) },
    { head: "Token error", title: "Mean relative error of a token", value: (point) => point.token, cell: (point) => error(point.token) },
    { head: "First token", value: (point) => point.first, cell: (point) => error(point.first) },
    { head: "Index", title: "Token error + 0.1 × first-token error", value: (point) => point.index, cell: (point) => error(point.index) },
    {
      head: "Attention error",
      value: (point) => point.attentionError ?? -1,
      cell: (point) => (point.attentionError === null ? "–" : error(point.attentionError)),
    },
  ];
  return table("All schemes", columns, points, { rowClass: (point) => point.tensor });
}
