// What explore knows at this moment: the run on screen, the one under way, or a glimpse of a few layers.

/** @import { DumpSummary, Explored } from "../engine/core.js" */
/** @import { State } from "../types.js" */
import { dumpOf } from "../figures.js";

/**
 * @typedef {object} Known
 * @property {Explored} explored
 * @property {"run" | "running" | "glimpse"} from
 * @property {number} layers    looked at
 * @property {boolean} isExact  whether the size as it is is the dump's, and not the like of these layers
 */

/** @param {State} state @returns {Known | null} */
export function knownOf(state) {
  const { outcomes, shown, running, glimpse, dump } = state;
  const soFar = running?.soFar?.explored;
  // Of layers that are left out nothing is known.
  if (soFar && soFar.points.length > 0)
    return { explored: scaled(soFar, dump), from: "running", layers: soFar.layers, isExact: isAlike(dump) };
  // Of another dump it would be no answer.
  const runs = outcomes.filter((outcome) => outcome.report?.explored && (!dump?.captures || dumpOf(outcome) === dumpOf(dump)));
  const explored = (runs.find(({ id }) => id === shown) ?? runs.at(-1))?.report?.explored;
  if (explored) return { explored, from: "run", layers: explored.layers, isExact: true };
  return glimpse && { explored: scaled(glimpse, dump), from: "glimpse", layers: glimpse.layers, isExact: isAlike(dump) };
}

/** Whether all layers take the same for a token. @param {DumpSummary | null} dump */
function isAlike(dump) {
  const runs = dump?.runs ?? [];
  const shapes = runs.flatMap(({ shapes }) =>
    shapes.map(({ kvHeads, headDim, vKvHeads, vHeadDim }) => [kvHeads, headDim, vKvHeads, vHeadDim].join()),
  );
  return new Set(shapes).size === 1 && new Set(runs.flatMap(({ dtypes }) => dtypes.map(({ dtype }) => dtype))).size === 1;
}

/** As if all layers of all runs were like those that were looked at. @param {Explored} explored @param {DumpSummary | null} dump @returns {Explored} */
function scaled(explored, dump) {
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
