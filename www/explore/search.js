// Which pairs of schemes are the smallest within a limit, from the points of one run: so that a limit can move without a new run.
// The search is that of src/analysis/explore/choose.rs. Errors of K and V add up, but for cosines, which hold for each.

/** @import { Class, Engine, Explored, Point } from "../engine/core.js" */

import { ENGINES } from "./engines.js";

/** @typedef {"attention" | "index" | "cosine"} Kind */
/** @typedef {{ kind: Kind, value: number }} Limit  `value` as the setting has it: a cosine is a least one */

/**
 * A scheme on K or on V, as the search sees it.
 * @typedef {object} Offer
 * @property {string} scheme
 * @property {Class} class
 * @property {Engine | null} engine
 * @property {string | null} flag
 * @property {boolean} coded   at a step of the coded scheme, which may lie between those that were measured
 * @property {number} bytes
 * @property {number} sinks    first tokens that stay raw
 * @property {number} recent   last tokens that stay raw
 * @property {number} gap      1 - cosine
 * @property {number} index
 * @property {number} attention  infinite without queries
 */

/**
 * @typedef {object} Answer
 * @property {string} id
 * @property {Class} class
 * @property {Engine | null} engine
 * @property {boolean} lossless
 * @property {string} k
 * @property {string} v
 * @property {string | null} flags
 * @property {number} sinks          first tokens that stay raw
 * @property {number} recent         last tokens that stay raw
 * @property {number} bytes          of K and V of this dump
 * @property {number} ratio
 * @property {number} contextBytes
 * @property {number | null} attention
 * @property {number | null} kl      estimated
 * @property {number} index
 * @property {[number, number]} cosine  of K and of V
 * @property {boolean} measured      looked at with more queries, its bytes written and read back; else an estimate from the points
 * @property {boolean} within        whether it stays within the limit
 */

/** Points between two steps of the coded scheme that it is interpolated at. */
const BETWEEN = 16;
/** How far finer and coarser steps are offered than were measured, in distances between the two finest and the two coarsest; and the smallest. */
const FINER = 5;
const COARSER = 1;
const MIN_STEP = 1e-4;

/** Whether K and V may have formats of their own. @param {Engine} engine */
const mixes = (engine) => engine === "llama.cpp";

/** The greatest error that is allowed. @param {Limit} limit */
export const most = ({ kind, value }) => (kind === "cosine" ? 1 - value : value);

/** @param {Offer} offer @param {Kind} kind */
export const errorOf = (offer, kind) => (kind === "cosine" ? offer.gap : offer[kind]);

/** The error of both together. @param {Kind} kind @param {number} k @param {number} v */
export const together = (kind, k, v) => (kind === "cosine" ? Math.max(k, v) : k + v);

/** The step in the name of the coded scheme. @param {string} scheme */
export function stepOf(scheme) {
  const step = /^tkc:c=([^,]+)/.exec(scheme)?.[1];
  return step === undefined ? null : Number(step);
}

/** @param {Point} point @returns {Offer} */
const offerOf = (point) => ({
  scheme: point.scheme,
  class: point.class,
  engine: point.engine,
  flag: point.flag,
  coded: stepOf(point.scheme) !== null,
  bytes: point.bytes,
  sinks: point.sinks,
  recent: point.recent,
  gap: Math.max(0, 1 - point.cosine),
  index: point.index,
  attention: point.attentionError ?? Infinity,
});

/** On the line through two positive numbers, in the logarithms. @param {number} a @param {number} b @param {number} t */
const onLine = (a, b, t) => (a > 0 && b > 0 && Number.isFinite(a + b) ? Math.exp(Math.log(a) * (1 - t) + Math.log(b) * t) : a);

/** What was measured. @param {Explored} explored @param {"k" | "v"} tensor @returns {Offer[]} */
export const measuredOffers = ({ points }, tensor) => points.filter((point) => point.tensor === tensor && !point.packed).map(offerOf);

/**
 * What the search chooses from: the measured points, and the coded scheme at other steps. Sizes and errors lie on lines through the nearest
 * two points, in logarithms. Only below the finest, each halving of the step takes as many more bytes, until storing losslessly takes fewer.
 * @param {Explored} explored @param {"k" | "v"} tensor @returns {Offer[]}
 */
function offers(explored, tensor) {
  const all = measuredOffers(explored, tensor);
  const coded = all
    .filter((offer) => offer.coded)
    .map((offer) => ({ offer, step: stepOf(offer.scheme) ?? 0 }))
    .sort((a, b) => a.step - b.step);
  const lossless = Math.min(...all.filter((offer) => offer.class === "stored" && !offer.coded).map(({ bytes }) => bytes));
  const others = coded.slice(1).flatMap((high, i) => {
    const low = coded[i];
    const first = i === 0 ? -FINER * BETWEEN : 0;
    const end = i + 2 === coded.length ? (1 + COARSER) * BETWEEN : BETWEEN;
    // The two themselves were measured.
    const places = Array.from({ length: end - first }, (_, n) => first + n).filter((place) => place !== 0 && place !== BETWEEN);
    return places.flatMap((place) => {
      const t = place / BETWEEN;
      // Three digits: what a reader can type.
      const step = Number(onLine(low.step, high.step, t).toPrecision(3));
      /** @param {"bytes" | "gap" | "index" | "attention"} name */
      const at = (name) => onLine(low.offer[name], high.offer[name], t);
      const bytes = t < 0 ? low.offer.bytes + (high.offer.bytes - low.offer.bytes) * t : at("bytes");
      if (t < 0 && (bytes >= lossless || step < MIN_STEP)) return [];
      return { ...low.offer, scheme: `tkc:c=${step}`, bytes, gap: at("gap"), index: at("index"), attention: at("attention") };
    });
  });
  return [...all, ...others];
}

/**
 * The smallest pair within the limit; of equally small ones that of less error.
 * @param {Offer[]} ks @param {Offer[]} vs @param {Limit} limit @param {(k: Offer, v: Offer) => boolean} allowed
 * @returns {[Offer, Offer] | null}
 */
export function smallest(ks, vs, limit, allowed) {
  const { kind } = limit;
  const allowance = most(limit);
  /** @type {[Offer, Offer] | null} */
  let best = null;
  let [bytes, error] = [Infinity, Infinity];
  for (const k of ks) {
    for (const v of vs) {
      const size = k.bytes + v.bytes;
      if (size > bytes) continue;
      const both = together(kind, errorOf(k, kind), errorOf(v, kind));
      if (both > allowance || (size === bytes && both >= error) || !allowed(k, v)) continue;
      [best, bytes, error] = [[k, v], size, both];
    }
  }
  return best;
}

/** What a run says of itself: its own choices count as long as the limit is its own. @param {Explored} explored @param {Limit} limit */
export const isOwn = (explored, limit) =>
  explored.isFinal && explored.limitKind === limit.kind && Math.abs(explored.limit - limit.value) <= 1e-9 * Math.max(1, explored.limit);

/**
 * The answers within the limit: of each engine, of other packed formats, stored, lossless, and the reference's.
 * @param {Explored} explored @param {Limit} limit @returns {Answer[]}
 */
export function answers(explored, limit) {
  if (isOwn(explored, limit)) return explored.choices.map((choice) => measured(explored, choice));
  const [ks, vs] = [offers(explored, "k"), offers(explored, "v")];
  /** @param {Class} of @param {Engine | null} engine @param {boolean} lossless @param {(offer: Offer) => boolean} fits */
  const best = (of, engine, lossless, fits) => {
    /** @param {Offer} k @param {Offer} v */
    const allowed = (k, v) => engine === null || mixes(engine) || k.scheme === v.scheme;
    const pair = smallest(ks.filter(fits), vs.filter(fits), limit, allowed);
    return pair ? [known(explored, engine, pair, limit) ?? estimated(explored, of, engine, lossless, pair)] : [];
  };
  return [
    ...ENGINES.flatMap((engine) => best("engine", engine, false, (offer) => offer.engine === engine)),
    ...best("packed", null, false, (offer) => offer.class === "packed"),
    ...best("reference", null, false, (offer) => offer.class === "reference"),
    ...best("stored", null, false, (offer) => offer.coded),
    ...best("stored", null, true, (offer) => offer.class === "stored" && !offer.coded),
  ];
}

/**
 * What the run measured of this very pair, where that stays within the limit.
 * @param {Explored} explored @param {Engine | null} engine @param {[Offer, Offer]} pair @param {Limit} limit
 */
function known(explored, engine, [k, v], limit) {
  if (!explored.isFinal) return null;
  const same = explored.choices.find((choice) => choice.engine === engine && choice.k === k.scheme && choice.v === v.scheme);
  if (!same) return null;
  const answer = measured(explored, same);
  const { attention, index, cosine } = answer;
  const error = { attention: attention ?? Infinity, index, cosine: 1 - Math.min(...cosine) }[limit.kind];
  return error <= most(limit) ? { ...answer, within: true } : null;
}

/** @param {Class} of @param {Engine | null} engine @param {boolean} lossless */
const idOf = (of, engine, lossless) => engine ?? (lossless ? "lossless" : of);

/** @param {Explored} explored @param {Explored["choices"][number]} choice @returns {Answer} */
export function measured(explored, choice) {
  const [k, v] = choice.errors;
  return {
    id: idOf(choice.class, choice.engine, choice.lossless),
    class: choice.class,
    engine: choice.engine,
    lossless: choice.lossless,
    k: choice.k,
    v: choice.v,
    flags: choice.flags,
    sinks: choice.sinks,
    recent: choice.recent,
    bytes: choice.bytes[0] + choice.bytes[1],
    ratio: choice.ratio,
    contextBytes: choice.contextBytes,
    attention: choice.attentionError,
    kl: choice.estimatedKl,
    index: choice.index,
    cosine: [k.cosine, v.cosine],
    measured: true,
    within: choice.withinLimit,
  };
}

/**
 * @param {Explored} explored @param {Class} of @param {Engine | null} engine @param {boolean} lossless @param {[Offer, Offer]} pair
 * @returns {Answer}
 */
function estimated(explored, of, engine, lossless, [k, v]) {
  const bytes = Math.round(k.bytes + v.bytes);
  const attention = Number.isFinite(k.attention + v.attention) ? k.attention + v.attention : null;
  const flags = k.flag && v.flag ? (k.flag === v.flag ? k.flag : `${k.flag} ${v.flag}`) : null;
  return {
    id: idOf(of, engine, lossless),
    class: of,
    engine,
    lossless,
    k: k.scheme,
    v: v.scheme,
    flags,
    sinks: Math.max(k.sinks, v.sinks),
    recent: Math.max(k.recent, v.recent),
    bytes,
    ratio: explored.rawBytes / Math.max(1, bytes),
    contextBytes: (explored.contextBytes * bytes) / Math.max(1, explored.rawBytes),
    attention,
    kl: attention === null ? null : attention * explored.klByAttentionError,
    index: k.index + v.index,
    cosine: [1 - k.gap, 1 - v.gap],
    measured: false,
    within: true,
  };
}
