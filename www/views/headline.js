// A result's headline: the KV ratio large, and beside it what K and V reach, lossless and lossy, and at what error.

/** @import { AnalysisSpec, Group, Report } from "../engine/core.js" */
/** @import { Outcome } from "../types.js" */
import { fill, h } from "../dom.js";
import { scrollable } from "../scrollable.js";
import { bestInWords, covers } from "../covers.js";
import { rmseShare, totals, variantName } from "../figures.js";
import { cosine, count, duration, error, percent, plural, ratio, size } from "../format.js";

/** @type {Record<string, string>} */
const MEANING = {
  cosine: "Cosine between captured and restored values, mean over captures",
  MAE: "Mean absolute error",
  RMSE: "Root of the mean square error",
  "of the values": "The RMSE as a share of the values' own root mean square",
  worst: "The greatest absolute error of any value; the reports have the mean of the captures' greatest",
};

/** @param {Outcome} outcome @param {AnalysisSpec | undefined} spec */
export function headline({ report, codecs, elapsedMs, bytes, captures }, spec) {
  if (!report) return null;
  const best = report.headline === null ? null : report.groups[report.headline];
  const words = bestInWords(report, spec);
  const speed = elapsedMs > 0 ? ` · ${plural(captures, "capture")}, ${size(bytes)} in ${duration(elapsedMs)}` : "";
  return [
    best &&
      !report.explored &&
      h(
        "div",
        { class: "headline" },
        h("p", { class: "big" }, h("span", { class: "big-label" }, "KV"), h("span", { class: "big-value" }, ratio(best.all.kvRatio))),
        figures(best, totals(report.rows.filter((row) => variantName(row.variant) === variantName(best.variant) || row.lossless))),
      ),
    best && h("p", { class: "covers muted" }, covers(report, spec)),
    words && h("p", { class: "sentence" }, words[0], h("strong", {}, words[1]), words[2]),
    besideList(report, codecs),
    h(
      "p",
      { class: "facts-line" },
      report.verifiedLossless > 0 && h("span", { class: "verified" }, `verified bit for bit: ${plural(report.verifiedLossless, "tensor")}`),
      report.verifiedLossy > 0 && h("span", { class: "muted" }, `${count(report.verifiedLossy)} lossy streams decoded again`),
      report.nonFinite > 0 &&
        h(
          "span",
          { class: "bad", title: nonFiniteText(report) },
          `${plural(report.nonFinite, "value")} not finite (NaN or infinite) in ${plural(report.nonFiniteIn.length, "tensor")}`,
        ),
      h("span", { class: "muted" }, speed.slice(3)),
    ),
  ];
}

/** What these ratios are not. @param {Report} report @param {Outcome["codecs"]} codecs */
function besideList(report, codecs) {
  if (report.explored) return null;
  const list = h("ul", { class: "otherwise small", "aria-label": "Beside these ratios" });
  // Its words come with the charts; the figures are complete without them.
  void import("../charts/otherwise.js").then(
    ({ otherwise }) =>
      fill(
        list,
        otherwise(report, codecs).map(({ name, text }) => h("li", { "data-what": name }, h("b", {}, name), `: ${text}`)),
      ),
    () => {},
  );
  return list;
}

/** Which tensors hold values that are not finite; the first few. @param {Report} report */
function nonFiniteText({ nonFiniteIn, rows }) {
  const layers = new Map(rows.map((row) => [row.capture, `layer ${row.layerId}, ${row.stage}, `]));
  const lines = nonFiniteIn.slice(0, 20).map(({ capture, tensor, values }) => `${layers.get(capture) ?? ""}${tensor}: ${count(values)}`);
  return [...lines, ...(nonFiniteIn.length > 20 ? ["…"] : [])].join("\n");
}

/** @param {Group} group @param {ReturnType<typeof totals>} whole the same rows' greatest errors, of which the report has the mean */
function figures({ all, lossless, lossy }, whole) {
  const both = lossless.rows > 0 && lossy.rows > 0;
  const heads = [
    "ratio",
    ...(both ? ["lossless", "lossy"] : []),
    ...(all.kErrors ? ["cosine", "MAE", "RMSE", "of the values", "worst"] : []),
  ];
  /** @param {"k" | "v"} side */
  const line = (side) => {
    const errors = all[`${side}Errors`];
    const cells = [
      ratio(all[`${side}Ratio`]),
      ...(both ? [ratio(lossless[`${side}Ratio`]), ratio(lossy[`${side}Ratio`])] : []),
      ...(errors
        ? [
            cosine(errors.cosine),
            error(errors.mae),
            error(errors.rmse),
            percent(rmseShare(errors)),
            error(whole[side].errors?.maxAbs ?? errors.maxAbs),
          ]
        : []),
    ];
    return h(
      "tr",
      { class: side },
      h("th", { scope: "row" }, side.toUpperCase()),
      cells.map((text) => h("td", {}, text)),
    );
  };
  return scrollable(
    "Headline figures",
    { class: "figures-scroll" },
    h(
      "table",
      { class: "figures", style: { "--figures": `${heads.length + 1}` } },
      h("caption", { class: "visually-hidden" }, "Headline figures of K and V"),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("td"),
          heads.map((head) => h("th", { scope: "col", title: MEANING[head] }, head)),
        ),
      ),
      h("tbody", {}, line("k"), line("v")),
    ),
  );
}

/**
 * The figures by which two runs are compared: name, value, how it is written, and whose it is.
 * @param {ReturnType<typeof totals>} all
 */
export function comparable({ k, v, kvRatio }) {
  /** @type {[string, number | null, (n: number) => string, string][]} */
  const figures = [
    ["KV ratio", kvRatio, ratio, ""],
    ["K ratio", k.ratio, ratio, "k"],
    ["V ratio", v.ratio, ratio, "v"],
    ["K cosine", k.errors?.cosine ?? null, cosine, "k"],
    ["V cosine", v.errors?.cosine ?? null, cosine, "v"],
    ["K MAE", k.errors?.mae ?? null, error, "k"],
    ["V MAE", v.errors?.mae ?? null, error, "v"],
    ["K RMSE", k.errors?.rmse ?? null, error, "k"],
    ["V RMSE", v.errors?.rmse ?? null, error, "v"],
  ];
  return figures;
}
