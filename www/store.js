// One observable store: a frozen-by-convention state object, patched as a whole; watchers hear of the slice that they chose.

/**
 * @template {object} S
 * @typedef {object} Store
 * @property {() => S} get
 * @property {(patch: Partial<S>) => void} set
 * @property {<T>(select: (state: S) => T, run: (value: T, before: T | undefined) => void) => () => void} watch
 *   runs at once and whenever the selected value changes (arrays: when an element does); returns the way to stop
 */

/**
 * @template {object} S
 * @param {S} initial
 * @returns {Store<S>}
 */
export function createStore(initial) {
  let state = initial;
  /** @type {Set<() => void>} */
  const watchers = new Set();
  return {
    get: () => state,
    set(patch) {
      state = { ...state, ...patch };
      for (const notify of [...watchers]) notify();
    },
    watch(select, run) {
      let last = select(state);
      run(last, undefined);
      const notify = () => {
        const next = select(state);
        if (same(last, next)) return;
        const before = last;
        last = next;
        run(next, before);
      };
      watchers.add(notify);
      return () => watchers.delete(notify);
    },
  };
}

/** @param {unknown} a @param {unknown} b */
function same(a, b) {
  if (Object.is(a, b)) return true;
  return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => Object.is(item, b[i]));
}
