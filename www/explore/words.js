// How answers are said: schemes, and what a pair of them costs.

/** @import { Explored } from "../engine/core.js" */
/** @import { Answer } from "./search.js" */
import { cosine, error } from "../format.js";

/** @param {Answer} answer */
export function whoOf({ class: of, engine, lossless }) {
  if (engine) return `As ${engine} can store it`;
  if (lossless) return "Lossless";
  return {
    packed: "In other packed formats",
    stored: "Stored by kvlens",
    reference: "By the four analyses’ methods, or rounding",
    engine: "",
  }[of];
}

/** What it is, and how to have it. @param {Answer} answer */
export const withOf = ({ flags, k, v }) => flags ?? (k === v ? k : `K ${k}, V ${v}`);

/** An estimate has a tilde. @param {Answer} answer @param {string} text */
export const said = ({ measured }, text) => (measured ? text : `~${text}`);

/** What it costs. @param {Answer} answer */
export function costOf(answer) {
  const { lossless, kl, attention, index, cosine: both } = answer;
  if (lossless) return "no error: bit for bit";
  const first =
    kl !== null && attention !== null ? `estimated KL ${error(kl)}, attention error ${error(attention)}` : `index ${error(index)}`;
  // The figures of K and V stay on one line.
  return `${first}, ${`cosine K ${cosine(both[0])} V ${cosine(both[1])}`.replaceAll(" ", "\u00a0")}`;
}

/** What no figure here says. @param {Explored} explored */
export const notTold = ({ klByAttentionError, klFactor, layersWithQueries }) => [
  layersWithQueries > 0
    ? `The estimated KL is ${klByAttentionError} × the attention error: within a factor of ${klFactor} for nine of ten schemes on two small models. On a tiny one it was up to twelve times too high, in the right order.`
    : "The dump has no queries, so attention errors and KL are not told: the index ranks schemes by what is known of the values alone.",
  "Not known: models with a bias on K, large models, long generations.",
  "Context sizes are this dump’s bytes per token times the tokens.",
];
