// What the charts call errors and stages.

/** @typedef {"mae" | "rmse" | "maxAbs" | "cosineGap"} ErrorName */

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
