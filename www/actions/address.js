// The address follows the settings, and Back and Forward move within the page: through tabs, settings, lesson steps and results.

/** @import { Outcome, State } from "../types.js" */
/** @import { Store } from "../store.js" */
import { hashOf, stateOfHash } from "../link.js";

/** Changes of settings that follow each other this closely are one step back: a word typed, a handle dragged. */
const STEP_MS = 1000;

/**
 * What an entry of the history holds beside its address: results have no address, since they live in this tab. They are named by when they
 * ended, since the history outlives a reload and a result's number does not.
 * @typedef {{ shown: number | null, comparedTo: number | null }} Entry
 */

/** @param {State} state @returns {Entry} */
function entryOf({ outcomes, shown, comparedTo }) {
  const endOf = (/** @type {number | null} */ id) => outcomes.find((outcome) => outcome.id === id)?.at ?? null;
  return { shown: endOf(shown), comparedTo: endOf(comparedTo) };
}

/**
 * The results that an entry names. One from before the first result, or of one that is gone, leaves on screen what is there.
 * @param {Partial<Entry> | null} entry @param {Outcome[]} outcomes @returns {Partial<Pick<State, "shown" | "comparedTo">>}
 */
export function resultsOf(entry, outcomes) {
  const idOf = (/** @type {number | null | undefined} */ at) => outcomes.find((outcome) => outcome.at === at)?.id ?? null;
  const shown = idOf(entry?.shown);
  return shown === null ? {} : { shown, comparedTo: idOf(entry?.comparedTo) };
}

/** @param {State} state */
const placeOf = ({ analysis, lesson, shown, comparedTo }) => JSON.stringify([analysis, lesson, shown, comparedTo]);

/** @param {State} state */
function addressOf(state) {
  const hash = hashOf(state);
  return location.pathname + location.search + (hash ? `#${hash}` : "");
}

/**
 * @param {Store<State>} store
 * @param {{ setMapping: (mapping: State["mapping"]) => unknown, openBeside: () => unknown }} dump what an address can ask for
 */
export function followAddress({ get, set, watch }, { setMapping, openBeside }) {
  let arriving = false;
  let changed = -Infinity;
  let place = placeOf(get());

  watch(
    ({ analysis, values, verify, lesson, lessonPlace, mapping, beside, serve, shown, comparedTo }) => [
      ...[analysis, values, verify, lesson, lessonPlace, mapping, beside, serve, shown, comparedTo],
    ],
    (_, before) => {
      if (arriving) return;
      const state = get();
      const moved = placeOf(state) !== place;
      const address = addressOf(state);
      const same = address === location.pathname + location.search + location.hash;
      place = placeOf(state);
      if (before && same && !moved) return;
      const now = performance.now();
      const goesOn = !moved && now - changed < STEP_MS;
      // After a move the next change of a setting is a step of its own.
      changed = moved ? -Infinity : now;
      if (before && !goesOn) history.pushState(entryOf(state), "", address);
      else history.replaceState(entryOf(state), "", address);
    },
  );
  // Also where a reader edits the address by hand: then there is no entry, and the result stays on screen.
  addEventListener("popstate", ({ state: entry }) => {
    const { mapping, beside, outcomes, dump } = get();
    arriving = true;
    const linked = stateOfHash(get(), location.hash);
    set({
      ...linked,
      // What is in the dump is no step of the history: the address goes on naming what is there.
      ...(dump?.captures ? { beside } : {}),
      // What stood in another link is not asked about in this one.
      ...(linked.beside === beside ? {} : { offer: null }),
      ...resultsOf(entry, outcomes),
    });
    arriving = false;
    place = placeOf(get());
    changed = -Infinity;
    history.replaceState(entryOf(get()), "", addressOf(get()));
    if (JSON.stringify(mapping) !== JSON.stringify(get().mapping)) setMapping(get().mapping);
    if (get().beside !== "" && get().beside !== beside) openBeside();
  });
}
