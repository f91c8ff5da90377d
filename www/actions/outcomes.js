// The results in the list: kept as runs end, renamed and deleted.

/** @import { Outcome, State } from "../types.js" */
/** @import { Store } from "../store.js" */

/** @param {Pick<Store<State>, "get" | "set">} store */
export function outcomeActions({ get, set }) {
  let lastId = 0;

  /** Adds a result and shows it. @param {Omit<Outcome, "id" | "at" | "name">} outcome */
  function keep(outcome) {
    const id = (lastId = Math.max(lastId, ...get().outcomes.map((each) => each.id)) + 1);
    const at = Date.now() + Math.random();
    set({ outcomes: [...get().outcomes, { id, at, name: "", ...outcome }], shown: id, comparedTo: null });
  }

  /** @param {number} id @param {string} name "" takes its own name away */
  const renameOutcome = (id, name) =>
    set({ outcomes: get().outcomes.map((outcome) => (outcome.id === id ? { ...outcome, name: name.trim() } : outcome)) });

  /** Forgets a result; where it is on screen, the newest that is left takes its place. @param {number} id */
  function deleteOutcome(id) {
    const outcomes = get().outcomes.filter((outcome) => outcome.id !== id);
    const { shown, comparedTo } = get();
    set({
      outcomes,
      shown: shown === id ? (outcomes.at(-1)?.id ?? null) : shown,
      comparedTo: comparedTo === id || shown === id ? null : comparedTo,
    });
  }

  return { keep, renameOutcome, deleteOutcome };
}
