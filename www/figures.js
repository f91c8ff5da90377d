// Rows of an analysis, summed to the figures that tables and charts show. Ratios are total raw by total size and errors are weighted by
// elements, as in the reports (src/analysis); the greatest error is the greatest of all rows, where the reports have the mean.

/** @import { Errors, Group, Row, TensorRow, Variant } from "./engine/core.js" */

/**
 * One tensor's figures over some rows.
 * @typedef {object} Figures
 * @property {number} captures
 * @property {number} elements
 * @property {number} raw          bytes
 * @property {number} size         bytes
 * @property {number} hi           bytes of the high plane, or of the one stream where planes are not split
 * @property {number} lo           bytes of the low plane
 * @property {boolean} split       whether `hi` and `lo` are planes
 * @property {number} extra        bytes of scales and index
 * @property {number} nonFinite    values that are NaN or infinite
 * @property {number} ratio
 * @property {(Errors & { cosineGap: number }) | null} errors  `cosineGap` is 1 − cosine; null where all rows are lossless
 *
 * @typedef {"K" | "V"} TensorName
 *
 * Rows that have something in common, for one tensor.
 * @typedef {Figures & About} Stat
 * @typedef {object} About
 * @property {TensorName} tensor
 * @property {string} stage
 * @property {number} layerId      -1 where layers are summed too
 * @property {string} variant
 * @property {number} bits
 * @property {boolean} lossless    every row is
 *
 * @typedef {{ layerId: number, lossless: boolean, captures: number, k: Figures, v: Figures }} Layer
 */

/** Adds rows one by one, so that a long run never goes through all of them again. */
class WeightedSum {
  #sum = { captures: 0, elements: 0, raw: 0, size: 0, hi: 0, lo: 0, split: true, extra: 0, nonFinite: 0 };
  #errors = { weight: 0, mae: 0, rmse: 0, cosine: 0, cosineGap: 0, valueRms: 0, maxAbs: 0 };

  /** @param {TensorRow} tensor @param {number} elements */
  add({ rawBytes, size, extraBytes, nonFinite, planes, errors }, elements) {
    const sum = this.#sum;
    sum.captures += 1;
    sum.elements += elements;
    sum.raw += rawBytes;
    sum.size += size;
    sum.extra += extraBytes;
    sum.nonFinite += nonFinite;
    if ("split" in planes) {
      sum.hi += planes.split.hi;
      sum.lo += planes.split.lo;
    } else {
      sum.hi += planes.whole;
      sum.split = false;
    }
    if (!errors) return;
    const total = this.#errors;
    total.weight += elements;
    total.mae += errors.mae * elements;
    total.rmse += errors.rmse * elements;
    total.cosine += errors.cosine * elements;
    total.cosineGap += (1 - errors.cosine) * elements;
    total.valueRms += errors.valueRms * elements;
    total.maxAbs = Math.max(total.maxAbs, errors.maxAbs);
  }

  /** @returns {Figures} */
  get figures() {
    const { weight, maxAbs, ...sums } = this.#errors;
    const mean = (/** @type {number} */ sum) => sum / weight;
    const errors = {
      ...{ mae: mean(sums.mae), rmse: mean(sums.rmse), cosine: mean(sums.cosine), valueRms: mean(sums.valueRms), maxAbs },
      cosineGap: Math.max(0, mean(sums.cosineGap)),
    };
    const { raw, size } = this.#sum;
    return { ...this.#sum, ratio: size > 0 ? raw / size : 0, errors: weight > 0 ? errors : null };
  }
}

/** The figures of each layer, while rows come in. */
export class LayerSums {
  /** @type {Map<number, { layerId: number, lossless: boolean, captures: number, k: WeightedSum, v: WeightedSum }>} */
  #layers = new Map();

  /** @param {Row[]} rows @param {string} [variant] only the rows of the variant of this name */
  add(rows, variant) {
    for (const row of rows) {
      if (variant !== undefined && variantName(row.variant) !== variant) continue;
      const { layerId, lossless } = row;
      let layer = this.#layers.get(layerId);
      if (!layer) {
        layer = { layerId, lossless, captures: 0, k: new WeightedSum(), v: new WeightedSum() };
        this.#layers.set(layerId, layer);
      }
      layer.captures++;
      layer.k.add(row.k, elementsOf(row, "k"));
      layer.v.add(row.v, elementsOf(row, "v"));
    }
    return this;
  }

  /** @returns {Layer[]} by number */
  get list() {
    const layers = [...this.#layers.values()].map((layer) => ({ ...layer, k: layer.k.figures, v: layer.v.figures }));
    return layers.sort((a, b) => a.layerId - b.layerId);
  }
}

/** The figures of each run of a dump. */
export class RunSums {
  /** @type {Map<string, { run: string, captures: number, k: WeightedSum, v: WeightedSum }>} */
  #runs = new Map();
  #runOf;

  /** @param {string[]} runOf the run of each capture, by its place in the dump */
  constructor(runOf) {
    this.#runOf = runOf;
  }

  /** @param {Row[]} rows @param {string} [variant] only the rows of the variant of this name */
  add(rows, variant) {
    for (const row of rows) {
      if (variant !== undefined && variantName(row.variant) !== variant) continue;
      const run = this.#runOf[row.capture] ?? "";
      let sums = this.#runs.get(run);
      if (!sums) this.#runs.set(run, (sums = { run, captures: 0, k: new WeightedSum(), v: new WeightedSum() }));
      sums.captures++;
      sums.k.add(row.k, elementsOf(row, "k"));
      sums.v.add(row.v, elementsOf(row, "v"));
    }
    return this;
  }

  /** In the order of their first captures. */
  list() {
    return [...this.#runs.values()].map((sums) => ({ ...sums, k: sums.k.figures, v: sums.v.figures }));
  }
}

/** One figure a layer, stage and tensor. @param {Row[]} rows @returns {Stat[]} */
export const byLayer = (rows) => group(rows, (row) => `${row.stage}\n${row.layerId}`);

/** One figure a variant (method and bits), stage and tensor. @param {Row[]} rows @returns {Stat[]} */
export const byVariant = (rows) =>
  group(rows, (row) => `${row.stage}\n${row.variant.label}\n${row.variant.bits}`).map((stat) => ({ ...stat, layerId: -1 }));

/**
 * @param {Row[]} rows
 * @param {(row: Row) => string} keyOf
 * @returns {Stat[]}
 */
function group(rows, keyOf) {
  /** @type {Map<string, { about: About, sum: WeightedSum }>} */
  const groups = new Map();
  for (const row of rows) {
    const { stage, layerId, variant, lossless } = row;
    for (const tensor of /** @type {const} */ (["K", "V"])) {
      const key = `${keyOf(row)}\n${tensor}`;
      let group = groups.get(key);
      if (!group) {
        const about = { tensor, stage, layerId, variant: variant.label, bits: variant.bits, lossless };
        groups.set(key, (group = { about, sum: new WeightedSum() }));
      }
      group.about.lossless &&= lossless;
      const side = tensor === "K" ? "k" : "v";
      group.sum.add(row[side], elementsOf(row, side));
    }
  }
  return [...groups.values()].map(({ about, sum }) => ({ ...about, ...sum.figures }));
}

/**
 * K and V over all of these rows. @param {Iterable<Row>} rows @returns {{ k: Figures, v: Figures, kvRatio: number }}
 */
export function totals(rows) {
  const [k, v] = [new WeightedSum(), new WeightedSum()];
  for (const row of rows) {
    k.add(row.k, elementsOf(row, "k"));
    v.add(row.v, elementsOf(row, "v"));
  }
  const figures = { k: k.figures, v: v.figures };
  const size = figures.k.size + figures.v.size;
  return { ...figures, kvRatio: size > 0 ? (figures.k.raw + figures.v.raw) / size : 0 };
}

/**
 * What the rows of a run that was cancelled say of each variant; of packed sizes and thresholds only a whole run tells.
 * @param {Row[]} rows @returns {Group[]}
 */
export function partialGroups(rows) {
  /** @type {Map<string, Row[]>} */
  const byName = new Map();
  for (const row of rows) {
    const name = variantName(row.variant);
    const known = byName.get(name);
    if (known) known.push(row);
    else byName.set(name, [row]);
  }
  return [...byName.values()].map((own) => {
    const { k, v, kvRatio } = totals(own);
    const none = { kPacked: null, vPacked: null, kRoundedMae: null, vRoundedMae: null };
    const sizes = { kRaw: k.raw, vRaw: v.raw, kSize: k.size, vSize: v.size, kRatio: k.ratio, vRatio: v.ratio, kvRatio };
    const all = { rows: own.length, ...sizes, kErrors: k.errors, vErrors: v.errors, ...none };
    return { variant: own[0].variant, all, lossless: all, lossy: all, passes: null };
  });
}

/**
 * Of the rows of several runs those whose captures all of the runs measured.
 * @param {Row[][]} runs @returns {Row[][]}
 */
export function commonRows(runs) {
  const captureOf = (/** @type {Row} */ { capture, layerId, stage, seqLen }) => `${capture} ${layerId} ${stage} ${seqLen}`;
  const sets = runs.map((rows) => new Set(rows.map(captureOf)));
  return runs.map((rows) => rows.filter((row) => sets.every((set) => set.has(captureOf(row)))));
}

/** V may have a shape of its own. @param {Row} row @param {"k" | "v"} side */
const elementsOf = ({ seqLen, kvHeads, headDim, vKvHeads, vHeadDim }, side) =>
  side === "k" ? seqLen * kvHeads * headDim : seqLen * (vKvHeads ?? kvHeads) * (vHeadDim ?? headDim);

/** One method may have run with several bits; some have none. @param {Variant} variant */
export const variantName = ({ label, bits, blockSize }) => (blockSize === null && bits > 0 ? `${label}, ${bits} bits` : label);

/**
 * A sweep's combinations, those of the same sizes and errors once, in their order: a vector that is shorter than a block is one block, whatever
 * the block's size. @param {Group[]} groups @returns {{ group: Group, equal: Group[] }[]} `equal` has the others
 */
export function distinctGroups(groups) {
  /** @type {Map<string, { group: Group, equal: Group[] }>} */
  const found = new Map();
  for (const group of groups) {
    const { variant, all } = group;
    const sweep = variant.blockSize !== null;
    const key = sweep ? JSON.stringify([variant.bits, all.kSize, all.vSize, all.kErrors, all.vErrors]) : String(found.size);
    const known = found.get(key);
    if (known) known.equal.push(group);
    else found.set(key, { group, equal: [] });
  }
  return [...found.values()];
}

/** The RMSE as a share of the values; none is no share of zeros either. @param {Errors} errors */
export const rmseShare = ({ rmse, valueRms }) => (rmse === 0 ? 0 : rmse / valueRms);

/** Below this cosine of K or V a variant is no recommendation, however small it is. */
export const USABLE_COSINE = 0.999;

/** The lesser cosine of K and V; of lossless figures 1. @param {Group} group */
const leastCosine = ({ all }) => Math.min(all.kErrors?.cosine ?? 1, all.vErrors?.cosine ?? 1);

/** @param {Group} group */
export const isUsable = (group) => leastCosine(group) >= USABLE_COSINE;

/**
 * The variant that a result stands for: what its analysis calls the best, else the smallest usable one, else that of the least error.
 * @param {import("./engine/core.js").Report} report @returns {Group | null}
 */
export function standsFor({ headline, groups }) {
  if (headline !== null) return groups[headline];
  const usable = groups.filter(isUsable);
  const better = (/** @type {Group} */ a, /** @type {Group} */ b) =>
    usable.length > 0 ? a.all.kvRatio > b.all.kvRatio : leastCosine(a) > leastCosine(b);
  return (usable.length > 0 ? usable : groups).reduce(
    (best, group) => (best && !better(group, best) ? best : group),
    /** @type {Group | null} */ (null),
  );
}

/** Ratios with packed codes; null where there are none. @param {Group["all"]} figures */
export function packedRatios({ kRaw, vRaw, kPacked, vPacked }) {
  if (!kPacked || !vPacked) return null;
  return { k: kRaw / kPacked, v: vRaw / vPacked, kv: (kRaw + vRaw) / (kPacked + vPacked) };
}

/** Tells dumps apart: captures are numbered within theirs. @param {{ runs: import("./engine/core.js").RunSummary[] }} outcome or dump */
export const dumpOf = ({ runs }) => JSON.stringify(runs.map(({ run, captures, bytes }) => [run, captures, bytes]));
