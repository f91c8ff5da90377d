// Keeps runs and small dumps in this browser while the reader wants that, and brings them back on the next visit.

/** @import { FileEntry } from "../engine/types.js" */
/** @import { State } from "../types.js" */
/** @import { Store } from "../store.js" */
import { forget, keepFiles, keepOutcomes, kept } from "../keep.js";
import { failureOf } from "./failure.js";

const KEY = "kvlens-keep";

/**
 * @param {Store<State>} store
 * @param {{ add: (files: FileEntry[]) => Promise<boolean>, files: () => FileEntry[] }} dump
 */
export function keepingActions({ get, set, watch }, { add, files }) {
  /** One change of the store after the other. */
  let last = Promise.resolve();
  /** @param {() => Promise<unknown>} change */
  function next(change) {
    last = last.then(change).then(
      () => {},
      (error) => set({ runFailure: { ...failureOf(error), hint: "Runs could not be kept in this browser: download what you need." } }),
    );
    return last;
  }

  /** @param {boolean} on */
  async function setKept(on) {
    try {
      if (on) localStorage.setItem(KEY, "on");
      else localStorage.removeItem(KEY);
    } catch {
      // Storage is refused: then the next line fails, too, and says so.
    }
    set({ kept: on });
    await next(on ? () => Promise.all([keepOutcomes(get().outcomes), keepFiles(files())]) : forget);
  }

  /** Brings back what was kept, and from now on keeps what changes. */
  async function bringBack() {
    let on = false;
    try {
      on = localStorage.getItem(KEY) === "on";
    } catch {
      // Storage is refused: nothing was kept.
    }
    if (on) {
      await next(async () => {
        const { outcomes, files } = await kept();
        set({ kept: true, outcomes, shown: outcomes.at(-1)?.id ?? null });
        if (files.length > 0 && !get().dump?.captures) await add(files);
      });
    }
    watch(
      (state) => state.outcomes,
      (outcomes, before) => {
        // Of several changes that wait only the last is kept.
        if (before && get().kept) void next(async () => (get().outcomes === outcomes ? keepOutcomes(outcomes) : undefined));
      },
    );
    watch(
      (state) => state.dump,
      (_, before) => void (before !== undefined && get().kept && next(() => keepFiles(files()))),
    );
  }

  return { setKept, bringBack };
}
