// What explore knows at this moment: the run on screen, the one under way, or a glimpse of a few layers.

/** @import { DumpSummary, Explored } from "../engine/core.js" */
/** @import { State } from "../types.js" */

/**
 * @param {State} state
 * @returns {{ explored: Explored, from: "run" | "running" | "glimpse", layers: number } | null} `layers`: looked at
 */
export function knownOf(state) {
  const { outcomes, shown, running, glimpse, dump } = state;
  const soFar = running?.soFar?.explored;
  if (soFar) return { explored: scaled(soFar, dump), from: "running", layers: soFar.layers };
  const runs = outcomes.filter(({ report }) => report?.explored);
  const explored = (runs.find(({ id }) => id === shown) ?? runs.at(-1))?.report?.explored;
  if (explored) return { explored, from: "run", layers: explored.layers };
  return glimpse && { explored: scaled(glimpse, dump), from: "glimpse", layers: glimpse.layers };
}

/** As if all layers of all runs were like those that were looked at. @param {Explored} explored @param {DumpSummary | null} dump @returns {Explored} */
export function scaled(explored, dump) {
  if (!dump) return { ...explored, isFinal: false };
  const layers = dump.runs.reduce((sum, run) => sum + run.layers.length, 0);
  const factor = layers / Math.max(1, explored.layers);
  return {
    ...explored,
    isFinal: false,
    layers,
    runs: dump.runs.length,
    rawBytes: explored.rawBytes * factor,
    // A context is one run's.
    contextBytes: (explored.contextBytes * factor * explored.runs) / dump.runs.length,
    points: explored.points.map((point) => ({ ...point, bytes: point.bytes * factor })),
  };
}
