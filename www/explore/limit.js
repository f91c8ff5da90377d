// The limit of error: which one counts, where its slider goes, and how it is said.

/** @import { Explored } from "../engine/core.js" */
/** @import { State } from "../types.js" */
/** @import { Kind, Limit } from "./search.js" */
import { cosine, error } from "../format.js";
import { paramsOf, searchOf, valueOf } from "../settings.js";

/**
 * `low` and `high` are errors between which the slider goes, in the logarithms.
 * @type {Record<Kind, { flag: string, name: string, low: number, high: number }>}
 */
export const KINDS = {
  attention: { flag: "max-attention-error", name: "Attention error", low: 1e-4, high: 0.2 },
  index: { flag: "max-index", name: "Index", low: 1e-3, high: 1 },
  cosine: { flag: "min-cosine", name: "Cosine", low: 1e-6, high: 0.1 },
};

/** Steps of the slider. */
export const STEPS = 200;

/** The setting of explore with this flag. @param {State} state @param {string} flag */
const param = (state, flag) => {
  const spec = searchOf(state.specs);
  return spec && paramsOf(spec).find((each) => each.flag === flag);
};

/** @param {State} state @param {string} flag */
function settingOf(state, flag) {
  const found = param(state, flag);
  return found ? valueOf({ ...state, analysis: searchOf(state.specs)?.name ?? "" }, found) : "";
}

/** Why it starts where it does. @param {State} state @param {Kind} kind */
export const reasonOf = (state, kind) => param(state, KINDS[kind].flag)?.help ?? "";

/** What counts under the settings, for a dump with queries or without. @param {State} state @param {Explored} explored @returns {Limit} */
export function limitOf(state, explored) {
  const chosen = settingOf(state, "limit");
  const hasQueries = explored.layersWithQueries > 0;
  /** @type {Kind} */
  const kind = chosen === "cosine" ? "cosine" : chosen !== "index" && hasQueries ? "attention" : "index";
  const value = Number(settingOf(state, KINDS[kind].flag));
  return { kind, value: Number.isFinite(value) ? value : explored.limit };
}

/** Place of a limit on the slider. @param {Limit} limit */
export function placeOf({ kind, value }) {
  const { low, high } = KINDS[kind];
  const gap = kind === "cosine" ? 1 - value : value;
  const at = Math.log(Math.min(high, Math.max(low, gap)) / low) / Math.log(high / low);
  return Math.round(STEPS * (kind === "cosine" ? 1 - at : at));
}

/** The setting's text at a place of the slider. @param {Kind} kind @param {number} place */
export function textAt(kind, place) {
  const { low, high } = KINDS[kind];
  const at = place / STEPS;
  const gap = low * (high / low) ** (kind === "cosine" ? 1 - at : at);
  if (kind !== "cosine") return String(Number(gap.toPrecision(2)));
  // Two digits of the distance to 1.
  return String(Number((1 - Number(gap.toPrecision(2))).toFixed(9)));
}

/** @param {Limit} limit @param {Explored} explored */
export function limitText({ kind, value }, explored) {
  if (kind === "cosine") return `K and V each at least ${cosine(value)}`;
  if (kind === "index") return `at most ${error(value)}`;
  return `at most ${error(value)}, estimated KL ${error(value * explored.klByAttentionError)}`;
}
