// What of a dump the lesson shows, as the link holds it: layer, tensor, token, head, channel, method and bits.

/** @import { CaptureLine } from "../engine/core.js" */
import { SHOWN } from "./steps.js";

/**
 * @typedef {object} Place
 * @property {number} capture       its place in the source's list
 * @property {"k" | "v"} tensor
 * @property {number} token
 * @property {number} head
 * @property {number} first         channel of the first value shown
 * @property {"truncate" | "quant"} method
 * @property {number} bits
 */

/**
 * Where a lesson starts: a layer from the middle, since the first ones are unlike the others. What the link says goes before; what is not
 * there is passed over.
 * @param {Record<string, string>} texts of the link @param {CaptureLine[]} captures @returns {Place}
 */
export function placeOf(texts, captures) {
  const asked = captures.findIndex(({ run, layerId }) => String(layerId) === texts.layer && (texts.run === undefined || texts.run === run));
  const capture = asked >= 0 ? asked : Math.floor((captures.length - 1) / 2);
  const tensor = texts.tensor === "v" ? "v" : "k";
  const { seqLen, kvHeads, headDim } = shapeOf(captures[capture], tensor);
  /** @param {string | undefined} text @param {number} end @param {number} otherwise */
  const below = (text, end, otherwise) => (text !== undefined && /^\d+$/.test(text) && Number(text) < end ? Number(text) : otherwise);
  const method = texts.method === "quant" ? "quant" : "truncate";
  return {
    capture,
    tensor,
    token: below(texts.token, seqLen, Math.min(40, seqLen - 1)),
    head: below(texts.head, kvHeads, 0),
    first: Math.floor(below(texts.channel, headDim, 0) / SHOWN) * SHOWN,
    method,
    bits: below(texts.bits, method === "quant" ? 13 : 24, method === "quant" ? 8 : 6),
  };
}

/** Shape of K or of V, which may differ in heads. @param {CaptureLine} capture @param {"k" | "v"} tensor */
export const shapeOf = ({ seqLen, kvHeads, headDim, vKvHeads, vHeadDim }, tensor) =>
  tensor === "k" ? { seqLen, kvHeads, headDim } : { seqLen, kvHeads: vKvHeads, headDim: vHeadDim };

/** The same as texts for the link. @param {Place} place @param {CaptureLine[]} captures @returns {Record<string, string>} */
export function textsOf({ capture, tensor, token, head, first, method, bits }, captures) {
  const { run, layerId } = captures[capture];
  const several = captures.some((other) => other.run !== run);
  return {
    ...(several ? { run } : {}),
    ...{ layer: String(layerId), tensor, token: String(token), head: String(head), channel: String(first), method, bits: String(bits) },
  };
}
