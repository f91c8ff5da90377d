// What stands in the chart of size against error: a mark for each scheme of K or V, or for the pairs of a class that no other pair beats.

import { errorOf, measuredOffers, smallest, together } from "../explore/search.js";

/** @import { Class, Explored } from "../engine/core.js" */
/** @import { Kind, Limit, Offer } from "../explore/search.js" */

/** @typedef {"kv" | "k" | "v"} Side */
/** @typedef {{ name: string, class: Class, bits: number, error: number }} Mark */

export const ORDER = /** @type {Class[]} */ (["engine", "packed", "stored", "reference"]);

/** @param {string} scheme @param {string | null} engine */
export const named = (scheme, engine) => (engine ? `${scheme} (${engine})` : scheme);

/** Of K and V of one engine. @param {Offer} k @param {Offer} v */
const nameOfPair = (k, v) => (k.scheme === v.scheme ? named(k.scheme, k.engine) : `K ${k.scheme}, ${named(`V ${v.scheme}`, v.engine)}`);

/** @param {Explored} explored @param {Side} side @param {Kind} kind @returns {Mark[]} */
export function marksOf(explored, side, kind) {
  const finite = (/** @type {Offer} */ offer) => Number.isFinite(errorOf(offer, kind));
  if (side !== "kv") {
    const values = valuesOf(explored, side);
    return measuredOffers(explored, side)
      .filter(finite)
      .map((offer) => ({
        name: named(offer.scheme, offer.engine),
        class: offer.class,
        bits: (offer.bytes * 8) / values,
        error: errorOf(offer, kind),
      }));
  }
  const values = valuesOf(explored, "k") + valuesOf(explored, "v");
  const [ks, vs] = [measuredOffers(explored, "k").filter(finite), measuredOffers(explored, "v").filter(finite)];
  return ORDER.flatMap((of) => {
    /** @type {Mark[]} */
    const pairs = [];
    for (const k of ks) {
      for (const v of vs) {
        if (k.class !== of || v.class !== of || k.engine !== v.engine) continue;
        if (k.engine && k.engine !== "llama.cpp" && k.scheme !== v.scheme) continue;
        pairs.push({
          name: nameOfPair(k, v),
          class: of,
          bits: ((k.bytes + v.bytes) * 8) / values,
          error: together(kind, errorOf(k, kind), errorOf(v, kind)),
        });
      }
    }
    return pareto(pairs);
  });
}

/** How many values K or V has. @param {Explored} explored @param {"k" | "v"} side */
function valuesOf({ points }, side) {
  const { bytes, bitsPerValue } = points.find(({ tensor }) => tensor === side) ?? points[0];
  return (bytes * 8) / bitsPerValue;
}

/** Those that no other beats in both. @param {Mark[]} marks */
export function pareto(marks) {
  let least = Infinity;
  return [...marks]
    .sort((a, b) => a.bits - b.bits || a.error - b.error)
    .filter(({ error }) => {
      const better = error < least;
      least = Math.min(least, error);
      return better;
    });
}

/** The smallest within the limit by the four analyses' methods. @param {Explored} explored @param {Side} side @param {Limit} limit */
export function bestOfReference(explored, side, limit) {
  const fits = (/** @type {Offer} */ offer) => offer.class === "reference";
  const [ks, vs] = [measuredOffers(explored, "k").filter(fits), measuredOffers(explored, "v").filter(fits)];
  const nothing = [{ ...(ks[0] ?? vs[0]), bytes: 0, gap: 0, index: 0, attention: 0, scheme: "" }];
  if (!ks.length || !vs.length) return null;
  const pair = smallest(side === "v" ? nothing : ks, side === "k" ? nothing : vs, limit, () => true);
  if (!pair) return null;
  const [k, v] = pair;
  if (side === "k") return named(k.scheme, k.engine);
  if (side === "v") return named(v.scheme, v.engine);
  return nameOfPair(k, v);
}
