// A result's headline: the KV ratio large, and beside it what K and V reach, lossless and lossy, and at what error.

/** @import { AnalysisSpec, Group, Report, Weighted } from "../engine/core.js" */
/** @import { Outcome } from "../types.js" */
import { h } from "../dom.js";
import { cosine, count, duration, error, megabytes, plural, ratio } from "../format.js";

/** @param {Outcome} outcome @param {AnalysisSpec | undefined} spec */
export function headline({ report, elapsedMs, bytes, captures }, spec) {
  if (!report) return null;
  const best = report.headline === null ? null : report.groups[report.headline];
  const speed = elapsedMs > 0 ? ` · ${plural(captures, "capture")}, ${megabytes(bytes)} in ${duration(elapsedMs)}` : "";
  return [
    best &&
      h(
        "div",
        { class: "headline" },
        h("p", { class: "big" }, h("span", { class: "big-label" }, "KV"), h("span", { class: "big-value" }, ratio(best.all.kvRatio))),
        figures(best),
      ),
    sentence(report, best, spec),
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
  const [{ variant, all }] = [...report.groups].sort((a, b) => b.all.kvRatio - a.all.kvRatio);
  const errors =
    all.kErrors && all.vErrors ? `, at a K cosine of ${cosine(all.kErrors.cosine)} and a V cosine of ${cosine(all.vErrors.cosine)}` : "";
  return h(
    "p",
    { class: "sentence" },
    "Smallest: ",
    h("strong", {}, variant.label),
    variant.bits ? ` with ${variant.bits} bits` : "",
    `, KV ${ratio(all.kvRatio)}${errors}.`,
  );
}

/** @param {Group} group */
function figures({ all, lossless, lossy }) {
  const both = lossless.rows > 0 && lossy.rows > 0;
  const heads = ["ratio", ...(both ? ["lossless", "lossy"] : []), ...(all.kErrors ? ["cosine", "MAE", "RMSE", "mean max"] : [])];
  /** @param {"k" | "v"} side */
  const line = (side) => {
    const errors = all[`${side}Errors`];
    const cells = [
      ratio(all[`${side}Ratio`]),
      ...(both ? [ratio(lossless[`${side}Ratio`]), ratio(lossy[`${side}Ratio`])] : []),
      ...(errors ? [cosine(errors.cosine), error(errors.mae), error(errors.rmse), error(errors.maxAbs)] : []),
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
          heads.map((head) => h("th", { scope: "col" }, head)),
        ),
      ),
      h("tbody", {}, line("k"), line("v")),
    ),
  );
}

/** The figures by which two runs are compared: name, value, how it is written, and whether more is better. @param {Weighted} all */
export function comparable(all) {
  /** @type {[string, number | null, (n: number) => string, string][]} */
  const figures = [
    ["KV ratio", all.kvRatio, ratio, ""],
    ["K ratio", all.kRatio, ratio, "k"],
    ["V ratio", all.vRatio, ratio, "v"],
    ["K cosine", all.kErrors?.cosine ?? null, cosine, "k"],
    ["V cosine", all.vErrors?.cosine ?? null, cosine, "v"],
    ["K MAE", all.kErrors?.mae ?? null, error, "k"],
    ["V MAE", all.vErrors?.mae ?? null, error, "v"],
    ["K RMSE", all.kErrors?.rmse ?? null, error, "k"],
    ["V RMSE", all.vErrors?.rmse ?? null, error, "v"],
  ];
  return figures;
}
