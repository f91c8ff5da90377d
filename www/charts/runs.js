// The layers of a dump by run: several runs have layers of the same numbers, and shapes and scales of their own.

/** @typedef {import("./heatmap.js").LayerPicture} LayerPicture */

/** @param {LayerPicture[]} layers */
export function byRun(layers) {
  const names = [...new Set(layers.map(({ run }) => run))];
  const several = names.length > 1;
  const nameOf = (/** @type {string} */ run) => run || "Files without a folder";
  return {
    /** What a chart can be of, where there is a choice. */
    choice: several ? { label: "Run", options: names.map((run) => ({ value: run, label: nameOf(run) })) } : undefined,
    of: (/** @type {string | undefined} */ choice) => (several ? layers.filter(({ run }) => run === (choice ?? names[0])) : layers),
    /** Of a table with the rows of all. */
    column: several ? ["Run"] : [],
    cell: (/** @type {LayerPicture} */ { run }) => (several ? [nameOf(run)] : []),
  };
}
