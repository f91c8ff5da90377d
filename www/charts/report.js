// report.html: one file to mail or print, with headline, settings, charts and tables, no script and nothing to fetch.
// The charts are those of the page, drawn once more without handles.

/** @import { Plot } from "./figure.js" */
/** @import { AnalysisSpec, Group } from "../engine/core.js" */
import { h } from "../dom.js";
import { bestInWords, covers } from "../covers.js";
import { rmseShare, totals, variantName } from "../figures.js";
import { cosine, count, error, percent, ratio, size } from "../format.js";
import { stillPicture, table } from "./figure.js";
import { answers } from "../explore/search.js";
import { costOf, notTold, said, whoOf, withOf } from "../explore/words.js";
import { chartsOf, loadPlot, ownLimit } from "./index.js";
import { otherwise } from "./otherwise.js";

/** @typedef {import("./figure.js").Chart} Chart */
/** @typedef {import("../explore/search.js").Limit} Limit */

const WIDTH = 1000;

/** The page's colours, and type that prints. Printed pages are light. */
const STYLE = `
:root { color-scheme: light dark; --page: light-dark(#fff, #13161a); --raised: var(--page); --ink: light-dark(#191c1f, #e7eaec); --muted: light-dark(#596168, #9ba5ad);
  --line: light-dark(#d9dddf, #2c333a); --line-strong: light-dark(#868e95, #6d7780); --accent: light-dark(#00705a, #4fc3a1); --k: light-dark(#0072b2, #4aa8df); --v: light-dark(#d55e00, #f08a3c); }
body { margin: 32px auto; max-width: ${WIDTH}px; padding: 0 16px; background: var(--page); color: var(--ink); font: 15px/24px system-ui, -apple-system, "Segoe UI", sans-serif; font-variant-numeric: tabular-nums; }
h1 { font-size: 24px; line-height: 32px; margin: 0; } h2 { font-size: 18px; margin: 32px 0 8px; } h3 { font-size: 15px; margin: 24px 0 0; }
p { margin: 0 0 8px; } .muted { color: var(--muted); } .big { font-size: 32px; line-height: 40px; font-weight: 650; }
figure { margin: 0 0 24px; break-inside: avoid; } figcaption p { font-size: 13px; line-height: 18px; }
svg { display: block; max-width: 100%; height: auto; } svg text, svg tspan { white-space: pre; }
table { border-collapse: collapse; font-size: 12px; line-height: 18px; margin: 8px 0; } th, td { padding: 1px 14px 1px 0; text-align: left; vertical-align: bottom; border-bottom: 1px solid var(--line); }
th, td { white-space: nowrap; } .wraps td:last-child { white-space: normal; min-width: 240px; } .right { text-align: right; } tr { break-inside: avoid; } thead { display: table-header-group; }
.scroll { overflow-x: auto; } .k { color: light-dark(#00659e, #6bbcec); } .v { color: light-dark(#ad4b00, #f5a163); }
@media screen and (max-width: 720px) { figure svg { max-width: none; width: ${WIDTH}px; } }
@media print { :root { color-scheme: light; } body { margin: 0; max-width: none; } }
`;

/**
 * @param {import("../engine/core.js").Report} report as `Engine.run` gives it
 * @param {{ spec: AnalysisSpec, dumpName: string, bytes: number, version: string, codecs?: import("../types.js").Codecs | null, limit?: Limit }} about
 *   the analysis, the dump's name and size; explore's limit where it was moved
 * @returns {Promise<string>} the file
 */
export async function reportHtml(report, { spec, dumpName, bytes, version, codecs, limit }) {
  const Plot = await loadPlot();
  const charts = chartsOf(report, spec.charts, limit && { live: { limit: () => limit, redraw: () => {} } });
  const title = `${dumpName || "KV dump"}: ${spec.label}`;
  const body = h(
    "body",
    {},
    h("h1", {}, title),
    h(
      "p",
      { class: "muted" },
      `${count(report.captures)} captures, ${size(bytes)} · kvlens ${version} · ${new Date().toISOString().slice(0, 10)}`,
    ),
    report.explored ? answer(report.explored, limit ?? ownLimit(report.explored)) : headline(report, spec),
    otherwise(report, codecs).map(({ name, text }) => h("p", {}, h("b", {}, name), `: ${text}`)),
    h("h2", {}, "Charts"),
    charts.map((chart) => chartFigure(Plot, chart)),
    h("h2", {}, "Settings"),
    scroll(
      table({
        columns: ["Setting", "Value"],
        rows: Object.entries(report.settings).map(([flag, value]) => [flag, Array.isArray(value) ? value.join(",") : String(value)]),
      }),
    ),
    h("h2", {}, "Tables"),
    charts.map((chart) => [h("h3", {}, chart.title), scroll(table(chart.table()))]),
    h(
      "p",
      { class: "muted" },
      "Errors are those of the captured values. They do not tell a model’s quality: measure that by running the model.",
    ),
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(title)}</title>
<style>${STYLE}</style>
</head>
${body.outerHTML}
</html>
`;
}

/** @param {string} words @returns {string} as HTML text */
const text = (words) => h("i", {}, words).innerHTML;

/** @param {Element} content */
const scroll = (content) => h("div", { class: "scroll" }, content);

/** With a last column of words. @param {Element} content */
const wraps = (content) => h("div", { class: "scroll wraps" }, content);

/** @param {Plot} Plot @param {Chart} chart */
function chartFigure(Plot, chart) {
  const caption = h("figcaption", {}, h("h3", {}, chart.title), h("p", { class: "muted" }, chart.note));
  return h("figure", {}, caption, scroll(stillPicture(Plot, chart, WIDTH)));
}

/** @param {string[]} texts */
const list = (texts) =>
  h(
    "ul",
    {},
    texts.map((text) => h("li", {}, text)),
  );

/** @type {Record<import("../explore/search.js").Kind, string>} */
const LIMITS = {
  cosine: "a cosine of at least",
  index: "an index of at most",
  attention: "an attention error of at most",
};

/** @param {import("../engine/core.js").Explored} explored @param {Limit} limit */
function answer(explored, limit) {
  const leftOut = explored.notes.length > 0 && [h("h2", {}, "Left out"), list(explored.notes)];
  if (explored.points.length === 0) return [h("p", {}, "No layer could be measured."), leftOut];
  const found = answers(explored, limit);
  const measured = found.every((each) => each.measured);
  return [
    h("p", { class: "big" }, `${count(explored.contextLength)} tokens: ${size(explored.contextBytes)} now`),
    h(
      "p",
      {},
      `Limit: ${LIMITS[limit.kind]} ${limit.value}. `,
      measured
        ? "Measured on every layer; what is stored was written and read back."
        : "Sizes with ~ are estimated from the schemes that were measured.",
    ),
    wraps(
      table({
        columns: ["", "Size", "Ratio, ×", "With", "Cost"],
        rows: found.map((each) => [whoOf(each), said(each, size(each.contextBytes)), each.ratio.toFixed(2), withOf(each), costOf(each)]),
      }),
    ),
    explored.facts.length > 0 && [h("h2", {}, "What to watch"), list(explored.facts.map(({ text }) => text))],
    leftOut,
    h("h2", {}, "What this does not tell"),
    list(notTold(explored)),
  ];
}

/** @param {import("../engine/core.js").Report} report @param {AnalysisSpec} spec */
function headline(report, spec) {
  const words = bestInWords(report, spec);
  const group = report.headline === null ? null : report.groups[report.headline];
  return [
    group && h("p", { class: "big" }, `KV ${ratio(group.all.kvRatio)}`),
    words && h("p", {}, words[0], h("b", {}, words[1]), words[2]),
    group && scroll(figures(group, rowsOf(report, group))),
    group && h("p", { class: "muted" }, covers(report, spec)),
    report.verifiedLossless > 0 && h("p", {}, `Verified bit for bit: ${count(report.verifiedLossless)} tensors.`),
  ];
}

/** Its figures over all rows, for the greatest error: the report has the mean of the captures' greatest. @param {import("../engine/core.js").Report} report @param {Group} group */
const rowsOf = ({ rows }, { variant }) => totals(rows.filter((row) => row.lossless || variantName(row.variant) === variantName(variant)));

/** @param {Group} group @param {ReturnType<typeof totals>} whole */
function figures({ all, lossless, lossy }, whole) {
  const both = lossless.rows > 0 && lossy.rows > 0;
  const errors = all.kErrors && all.vErrors && { k: all.kErrors, v: all.vErrors };
  const line = (/** @type {"k" | "v"} */ side) => [
    ...[side.toUpperCase(), ratio(all[`${side}Ratio`])],
    ...(both ? [ratio(lossless[`${side}Ratio`]), ratio(lossy[`${side}Ratio`])] : []),
    ...(errors ? [cosine(errors[side].cosine), error(errors[side].mae), error(errors[side].rmse)] : []),
    ...(errors ? [percent(rmseShare(errors[side])), error(whole[side].errors?.maxAbs ?? errors[side].maxAbs)] : []),
  ];
  const heads = ["Cosine", "Mean absolute error", "RMSE", "RMSE of the values’ RMS", "Worst error"];
  return table({
    columns: ["", "Ratio", ...(both ? ["Lossless", "Lossy"] : []), ...(errors ? heads : [])],
    rows: [line("k"), line("v")],
  });
}
