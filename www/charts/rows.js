// Rows of a report, summed to what the charts draw: one figure for each layer, stage and tensor, or for each variant.
// Ratios are total raw by total compressed bytes and errors are weighted by elements, as in the reports.

/** @typedef {"K" | "V"} TensorName */
/** @typedef {"mae" | "rmse" | "maxAbs" | "cosineGap"} ErrorName */

/**
 * Rows that have something in common, for one tensor.
 * @typedef {object} Stat
 * @property {TensorName} tensor
 * @property {string} stage
 * @property {number} layerId      -1 where layers are summed too
 * @property {string} variant
 * @property {number} bits
 * @property {boolean} lossless    every row is
 * @property {number} captures
 * @property {number} elements
 * @property {number} raw          bytes
 * @property {number} size         bytes
 * @property {number} hi           bytes of the high plane, or of the one stream where planes are not split
 * @property {number} lo           bytes of the low plane
 * @property {boolean} split       whether `hi` and `lo` are planes
 * @property {number} extra        bytes of scales and index
 * @property {number} ratio
 * @property {Record<ErrorName, number> | null} errors
 */

export const ERRORS = /** @type {Record<ErrorName, { label: string, axis: string }>} */ ({
  mae: { label: "Mean absolute error", axis: "Mean absolute error" },
  rmse: { label: "Root mean square error", axis: "Root mean square error" },
  maxAbs: { label: "Greatest error", axis: "Greatest absolute error" },
  cosineGap: { label: "1 − cosine", axis: "1 − cosine similarity" },
});

/** The stages in the order in which a model goes through them. @param {Iterable<string>} stages */
export function stageOrder(stages) {
  const known = ["prefill", "decode"];
  return [...new Set(stages)].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  /** @param {string} stage */
  function rank(stage) {
    const i = known.indexOf(stage);
    return i < 0 ? known.length : i;
  }
}

/** @param {string} stage */
export const stageName = (stage) => (stage ? stage[0].toUpperCase() + stage.slice(1) : "Unknown stage");

/** One figure a layer, stage and tensor. @param {any[]} rows @returns {Stat[]} */
export const byLayer = (rows) => sum(rows, (row) => `${row.stage}\n${row.layerId}`);

/** One figure a variant (method and bits), stage and tensor. @param {any[]} rows @returns {Stat[]} */
export const byVariant = (rows) =>
  sum(rows, (row) => `${row.stage}\n${row.variant.label}\n${row.variant.bits}`).map((stat) => ({ ...stat, layerId: -1 }));

/**
 * @param {any[]} rows
 * @param {(row: any) => string} keyOf
 * @returns {Stat[]}
 */
function sum(rows, keyOf) {
  /** @type {Map<string, Stat & { sums: Record<ErrorName, number>, weight: number }>} */
  const stats = new Map();
  for (const row of rows) {
    const elements = row.seqLen * row.kvHeads * row.headDim;
    for (const tensor of /** @type {const} */ (["K", "V"])) {
      const of = tensor === "K" ? row.k : row.v;
      const key = `${keyOf(row)}\n${tensor}`;
      let stat = stats.get(key);
      if (!stat) {
        const { stage, layerId, variant } = row;
        stat = {
          ...{ tensor, stage, layerId, variant: variant.label, bits: variant.bits, lossless: true, captures: 0, elements: 0 },
          ...{ raw: 0, size: 0, hi: 0, lo: 0, split: true, extra: 0, ratio: 0, errors: null },
          ...{ sums: { mae: 0, rmse: 0, maxAbs: 0, cosineGap: 0 }, weight: 0 },
        };
        stats.set(key, stat);
      }
      stat.captures += 1;
      stat.elements += elements;
      stat.lossless &&= row.lossless;
      stat.raw += of.rawBytes;
      stat.size += of.size;
      stat.extra += of.extraBytes;
      if (of.planes.split) {
        stat.hi += of.planes.split.hi;
        stat.lo += of.planes.split.lo;
      } else {
        stat.hi += of.planes.whole;
        stat.split = false;
      }
      if (of.errors) {
        stat.weight += elements;
        stat.sums.mae += of.errors.mae * elements;
        stat.sums.rmse += of.errors.rmse * elements;
        stat.sums.cosineGap += (1 - of.errors.cosine) * elements;
        stat.sums.maxAbs = Math.max(stat.sums.maxAbs, of.errors.maxAbs);
      }
    }
  }
  return [...stats.values()].map(({ sums, weight, ...stat }) => ({
    ...stat,
    ratio: stat.size > 0 ? stat.raw / stat.size : 0,
    errors:
      weight > 0
        ? { mae: sums.mae / weight, rmse: sums.rmse / weight, maxAbs: sums.maxAbs, cosineGap: Math.max(0, sums.cosineGap / weight) }
        : null,
  }));
}
