// Keeps runs and small dumps in this browser while the reader wants that, and brings them back on the next visit.

/** @import { FileEntry } from "../engine/types.js" */
/** @import { State } from "../types.js" */
/** @import { Store } from "../store.js" */
import { forget, keepFiles, keepOutcomes, kept } from "../keep.js";
import { failureOf } from "./failure.js";

const KEY = "kvlens-keep";
/** Names of the runs of the kept dump that the reader left out. */
const LEFT_OUT = "kvlens-left-out";

/**
 * @param {Store<State>} store
 * @param {{ add: (files: FileEntry[]) => Promise<boolean>, files: () => FileEntry[], removeRun: (run: string) => Promise<void> }} dump
 */
export function keepingActions({ get, set, watch }, { add, files, removeRun }) {
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
      else for (const key of [KEY, LEFT_OUT]) localStorage.removeItem(key);
    } catch {
      // Storage is refused: then the next line fails, too, and says so.
    }
    set({ kept: on });
    if (on) noteLeftOut();
    await next(on ? () => Promise.all([keepOutcomes(get().outcomes), keepFiles(files())]) : forget);
  }

  function noteLeftOut() {
    try {
      localStorage.setItem(LEFT_OUT, JSON.stringify(get().leftOut.map(({ run }) => run)));
    } catch {
      // Storage is refused: then nothing is kept at all.
    }
  }

  /** Brings back what was kept, and from now on keeps what changes. */
  async function bringBack() {
    let on = false;
    /** @type {string[]} */
    let without = [];
    try {
      on = localStorage.getItem(KEY) === "on";
      const names = JSON.parse(localStorage.getItem(LEFT_OUT) ?? "[]");
      // Storage is the whole origin's.
      if (Array.isArray(names)) without = names.map(String);
    } catch {
      // Storage is refused: nothing was kept.
    }
    if (on) {
      await next(async () => {
        const { outcomes, files } = await kept();
        set({ kept: true, outcomes, shown: outcomes.at(-1)?.id ?? null });
        if (files.length === 0 || get().dump?.captures) return;
        await add(files);
        for (const run of without) await removeRun(run);
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
      (state) => state.leftOut,
      (_, before) => void (before !== undefined && get().kept && noteLeftOut()),
    );
    watch(
      (state) => state.dump,
      (_, before) => void (before !== undefined && get().kept && next(() => keepFiles(files()))),
    );
  }

  return { setKept, bringBack };
}
