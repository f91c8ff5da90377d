// What a result covers and which of its variants it names, in words: for the page and report.html.

/** @import { AnalysisSpec, Report } from "./engine/core.js" */
import { USABLE_COSINE, isUsable, standsFor } from "./figures.js";
import { cosine, count, plural, ratio } from "./format.js";

/** Which layers the figures are of. @param {Report} report @param {AnalysisSpec | undefined} spec */
export function covers({ rows }, spec) {
  const layers = new Set(rows.map((row) => row.layerId));
  const lossless = new Set(rows.filter((row) => row.lossless).map((row) => row.layerId));
  const lossy = layers.size - lossless.size;
  if (spec?.measuresLossless === false)
    return `Over the ${plural(layers.size, "lossy layer")} only: layers that stay lossless are not in these figures.`;
  if (lossless.size === 0) return `Over all ${plural(layers.size, "layer")}, all lossy.`;
  if (lossy === 0) return `Over all ${plural(layers.size, "layer")}, all lossless.`;
  return `Over all ${plural(layers.size, "layer")}: ${lossless.size} lossless, ${lossy} lossy. Errors are those of the lossy ones.`;
}

/**
 * What came first of several variants: the words before its name, its name, and those after it.
 * @param {Report} report @param {AnalysisSpec | undefined} spec
 * @returns {[before: string, name: string, after: string] | null}
 */
export function bestInWords(report, spec) {
  const { groups, headline } = report;
  const first = standsFor(report);
  if (spec?.variants !== "many" || !first || report.explored) return null;
  const { variant, all, passes } = first;
  const noun = `${spec.variantNoun}s`;
  if (headline !== null) {
    const passing = groups.filter(({ passes }) => passes).length;
    return passes
      ? ["Best within the thresholds: ", variant.label, `. ${count(passing)} of ${count(groups.length)} ${noun} pass.`]
      : [`None of the ${count(groups.length)} ${noun} stays within the thresholds; the one with the least error: `, variant.label, "."];
  }
  const usable = groups.filter(isUsable).length;
  const before =
    usable === 1
      ? `The only one of ${count(groups.length)} with both cosines at least ${USABLE_COSINE}: `
      : usable > 0
        ? `Smallest of the ${count(usable)} with both cosines at least ${USABLE_COSINE}: `
        : `None of the ${count(groups.length)} keeps both cosines at ${USABLE_COSINE} or above; the closest: `;
  const errors =
    all.kErrors && all.vErrors ? `, at a K cosine of ${cosine(all.kErrors.cosine)} and a V cosine of ${cosine(all.vErrors.cosine)}` : "";
  return [before, variant.label, `${variant.bits ? ` with ${variant.bits} bits` : ""}, KV ${ratio(all.kvRatio)}${errors}.`];
}
