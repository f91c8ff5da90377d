// Rows of captures, summed up for each layer as they come in: ratios are total raw by total size, errors are weighted by elements.

/** @import { Errors, Row, TensorRow, Variant } from "./types.js" */

/**
 * @typedef {{ raw: number, size: number, elements: number, mae: number, rmse: number, cosine: number, maxAbs: number, nonFinite: number }} Sum
 * @typedef {{ layerId: number, lossless: boolean, captures: number, k: Sum, v: Sum }} Layer
 */

/** @returns {Sum} */
const emptySum = () => ({ raw: 0, size: 0, elements: 0, mae: 0, rmse: 0, cosine: 0, maxAbs: 0, nonFinite: 0 });

/** Adds rows bit by bit, so that a long run never goes through all of them again. */
export class LayerSums {
  /** @type {Map<number, Layer>} */
  #layers = new Map();

  /** @param {Row[]} rows @param {string} [variant] only the rows of the variant of this name */
  add(rows, variant) {
    for (const row of rows) {
      if (variant !== undefined && variantName(row.variant) !== variant) continue;
      let layer = this.#layers.get(row.layerId);
      if (!layer) {
        layer = { layerId: row.layerId, lossless: row.lossless, captures: 0, k: emptySum(), v: emptySum() };
        this.#layers.set(row.layerId, layer);
      }
      layer.captures++;
      const elements = row.seqLen * row.kvHeads * row.headDim;
      addTensor(layer.k, row.k, elements);
      addTensor(layer.v, row.v, elements);
    }
    return this;
  }

  /** @returns {Layer[]} by number */
  get list() {
    return [...this.#layers.values()].sort((a, b) => a.layerId - b.layerId);
  }
}

/** @param {Sum} sum @param {TensorRow} tensor @param {number} elements */
function addTensor(sum, tensor, elements) {
  sum.raw += tensor.rawBytes;
  sum.size += tensor.size;
  sum.nonFinite += tensor.nonFinite;
  if (!tensor.errors) return;
  sum.elements += elements;
  sum.mae += tensor.errors.mae * elements;
  sum.rmse += tensor.errors.rmse * elements;
  sum.cosine += tensor.errors.cosine * elements;
  sum.maxAbs = Math.max(sum.maxAbs, tensor.errors.maxAbs);
}

/** As the summaries have it: one method may have run with several bits. @param {Variant} variant */
export const variantName = ({ label, bits, blockSize }) => (blockSize === null ? `${label} (bits=${bits})` : label);

/** Whether every capture has one row, so that a layer has one ratio. @param {string} analysis */
export const oneVariant = (analysis) => analysis === "mixed" || analysis === "blocknorm";

/** @param {Sum} sum */
export const ratioOf = ({ raw, size }) => (size > 0 ? raw / size : 0);

/** @param {Sum} sum @returns {Errors | null} */
export function errorsOf({ elements, mae, rmse, cosine, maxAbs }) {
  return elements > 0 ? { mae: mae / elements, rmse: rmse / elements, cosine: cosine / elements, maxAbs } : null;
}
