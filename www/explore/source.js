// What explore knows at this moment: the run on screen, the one under way, or a glimpse of a few layers.

/** @import { Explored } from "../engine/core.js" */
/** @import { State } from "../types.js" */

/**
 * @param {State} state
 * @returns {{ explored: Explored, from: "run" | "running" | "glimpse", layers: number } | null} `layers`: looked at
 */
export function knownOf(state) {
  const { outcomes, shown, running, glimpse, dump } = state;
  const soFar = running?.soFar?.explored;
  if (soFar) return { explored: scaled(soFar, dump?.layers.length ?? soFar.layers), from: "running", layers: soFar.layers };
  const runs = outcomes.filter(({ report }) => report?.explored);
  const explored = (runs.find(({ id }) => id === shown) ?? runs.at(-1))?.report?.explored;
  if (explored) return { explored, from: "run", layers: explored.layers };
  return glimpse && { explored: scaled(glimpse.explored, glimpse.layers), from: "glimpse", layers: glimpse.explored.layers };
}

/** As if all layers were like those that were looked at. @param {Explored} explored @param {number} layers @returns {Explored} */
export function scaled(explored, layers) {
  const factor = layers / Math.max(1, explored.layers);
  return {
    ...explored,
    isFinal: false,
    layers,
    rawBytes: explored.rawBytes * factor,
    contextBytes: explored.contextBytes * factor,
    points: explored.points.map((point) => ({ ...point, bytes: point.bytes * factor })),
  };
}
