// A result's headline: the KV ratio large, and beside it what K and V reach, lossless and lossy, and at what error.

/** @import { AnalysisSpec, Group, Report } from "../engine/core.js" */
/** @import { Outcome } from "../types.js" */
import { fill, h } from "../dom.js";
import { totals, variantName } from "../figures.js";
import { cosine, count, duration, error, megabytes, percent, plural, ratio } from "../format.js";

/** Below this cosine of K or V a variant is no recommendation, however small it is. */
const USABLE_COSINE = 0.999;

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
  const speed = elapsedMs > 0 ? ` · ${plural(captures, "capture")}, ${megabytes(bytes)} in ${duration(elapsedMs)}` : "";
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
    sentence(report, best, spec),
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

/** What came first of several variants. @param {Report} report @param {Group | null} best @param {AnalysisSpec | undefined} spec */
function sentence(report, best, spec) {
  if (spec?.variants !== "many" || report.groups.length === 0) return null;
  if (best) {
    const passing = report.groups.filter(({ passes }) => passes).length;
    return h(
      "p",
      { class: "sentence" },
      best.passes ? "Best within the thresholds: " : "None stays within the thresholds; the smallest of all: ",
      h("strong", {}, best.variant.label),
      `. ${count(passing)} of ${count(report.groups.length)} ${spec.variantNoun}s pass.`,
    );
  }
  const usable = report.groups.filter(({ all }) => Math.min(all.kErrors?.cosine ?? 1, all.vErrors?.cosine ?? 1) >= USABLE_COSINE);
  const [first] = [...(usable.length > 0 ? usable : report.groups)].sort((a, b) => {
    if (usable.length > 0) return b.all.kvRatio - a.all.kvRatio;
    return (b.all.kErrors?.cosine ?? 1) + (b.all.vErrors?.cosine ?? 1) - (a.all.kErrors?.cosine ?? 1) - (a.all.vErrors?.cosine ?? 1);
  });
  const { variant, all } = first;
  const errors =
    all.kErrors && all.vErrors ? `, at a K cosine of ${cosine(all.kErrors.cosine)} and a V cosine of ${cosine(all.vErrors.cosine)}` : "";
  return h(
    "p",
    { class: "sentence" },
    usable.length > 0
      ? `Smallest of the ${usable.length} with both cosines at least ${USABLE_COSINE}: `
      : `None of the ${report.groups.length} keeps both cosines at ${USABLE_COSINE} or above; the closest: `,
    h("strong", {}, variant.label),
    variant.bits ? ` with ${variant.bits} bits` : "",
    `, KV ${ratio(all.kvRatio)}${errors}.`,
  );
}

/** Which layers the figures are of. @param {Report} report @param {AnalysisSpec | undefined} spec */
function covers(report, spec) {
  const layers = new Set(report.rows.map((row) => row.layerId));
  const lossless = new Set(report.rows.filter((row) => row.lossless).map((row) => row.layerId));
  const lossy = layers.size - lossless.size;
  if (spec?.measuresLossless === false)
    return `Over the ${plural(layers.size, "lossy layer")} only: layers that stay lossless are not in these figures.`;
  if (lossless.size === 0) return `Over all ${plural(layers.size, "layer")}, all lossy.`;
  if (lossy === 0) return `Over all ${plural(layers.size, "layer")}, all lossless.`;
  return `Over all ${plural(layers.size, "layer")}: ${lossless.size} lossless, ${lossy} lossy. Errors are those of the lossy ones.`;
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
            percent(errors.rmse / errors.valueRms),
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
  return h(
    "div",
    { class: "figures-scroll", role: "region", tabindex: "0", "aria-label": "Headline figures" },
    h(
      "table",
      { class: "figures" },
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
