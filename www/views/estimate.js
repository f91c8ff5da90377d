// The estimate for the present settings, from a part of the dump, and what a run adds to it.

/** @import { Weighted } from "../engine/core.js" */
/** @import { Estimate, State } from "../types.js" */
import { standsFor, variantName } from "../figures.js";
import { cosine, error, plural, ratio, size } from "../format.js";
import { SPLIT, specOf, valueByFlag } from "../settings.js";

/** @param {State} state @returns {string} nothing where there is none */
export function estimateText(state) {
  const { estimate, running, writing } = state;
  if (!estimate || running || writing || estimate.analysis !== state.analysis) return "";
  const spec = specOf(state);
  const { report } = estimate;
  const groups = report.headline === null ? report.groups.filter(({ all }) => all.rows > 0) : report.groups;
  const group = standsFor({ ...report, groups });
  if (!group) return "";
  const part = estimate.bytes < estimate.of;
  const from = part ? `from ${size(estimate.bytes)} of ${size(estimate.of)}` : `from all ${plural(report.captures, "capture")}`;
  const adds = `Run adds ${part ? (state.verify ? "the rest, verification" : "the rest") : "verification"} and the report files.`;
  // A part has no greater values than the whole, and mostly smaller ones.
  const coarser =
    part && group.variant.label.includes("quant") ? " Of whole captures, one scale a tensor is coarser: errors come out larger." : "";
  const name = spec?.variants === "many" ? ` with ${variantName(group.variant)}` : "";
  return `~ KV ${ratio(part ? kvRatio(group, state) : group.all.kvRatio)}${name}${errorsText(group.lossy.rows > 0 ? group.lossy : group.all)}, ${from}.${coarser} ${adds}`;
}

/**
 * Lossless and lossy layers by their true shares of the bytes: the part may hold others.
 * @param {import("../engine/core.js").Group} group @param {State} state
 */
function kvRatio({ all, lossless, lossy }, state) {
  const layers = state.dump?.layers ?? [];
  if (lossless.rows === 0 || lossy.rows === 0 || layers.length === 0) return all.kvRatio;
  const before = Number(valueByFlag(state, SPLIT));
  const bytesOf = (/** @type {typeof layers} */ some) => some.reduce((sum, { bytes }) => sum + bytes, 0);
  const share = bytesOf(layers.filter(({ layerId }) => layerId < before)) / bytesOf(layers);
  return 1 / (share / lossless.kvRatio + (1 - share) / lossy.kvRatio);
}

/** @param {Weighted} figures */
function errorsText({ kErrors, vErrors }) {
  if (!kErrors || !vErrors) return "";
  return `, lossy layers: K cosine ${cosine(kErrors.cosine)}, V ${cosine(vErrors.cosine)}, MAE K ${error(kErrors.mae)}, V ${error(vErrors.mae)}`;
}
