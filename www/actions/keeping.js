// Keeps runs and small dumps in this browser while the reader wants that, and brings them back on the next visit. The wish is that of all
// tabs: what one of them turns off is off in the others, too.

/** @import { FileEntry } from "../engine/types.js" */
/** @import { Outcome, State } from "../types.js" */
/** @import { Store } from "../store.js" */
import { isEmbedded } from "../dom.js";
import { forget, keepFiles, keepOutcomes, kept } from "../keep.js";
import { failureOf } from "./failure.js";
import { isWanted, leftOut, onWish, setLeftOut, wish } from "./wish.js";

/**
 * @param {Store<State>} store
 * @param {{ add: (files: FileEntry[]) => Promise<boolean>, files: () => FileEntry[], removeRun: (run: string) => Promise<void> }} dump
 */
export function keepingActions({ get, set, watch }, { add, files, removeRun }) {
  const next = oneByOne((error) =>
    set({ runFailure: { ...failureOf(error), hint: "Runs could not be kept in this browser: download what you need." } }),
  );
  /** This tab's outcomes that are stored. @type {Outcome[]} */
  let stored = [];
  /** The link's own dump takes no kept one's place: the link brings it again. */
  let isLinked = false;

  /** Stores what has changed since the last time: of several changes that wait only the last. */
  async function storeOutcomes() {
    const { outcomes } = get();
    if (outcomes === stored || !isWanted()) return;
    const gone = stored.filter(({ at }) => !outcomes.some((each) => each.at === at));
    await keepOutcomes(
      outcomes.filter((outcome) => !stored.includes(outcome)),
      gone,
    );
    stored = outcomes;
  }

  const storeFiles = async () => isWanted() && keepFiles(files());

  /** Unless a tab has turned it on again. */
  async function forgetAll() {
    stored = [];
    if (!isWanted()) await forget();
  }

  /** @param {boolean} on */
  async function setKept(on) {
    wish(on);
    set({ kept: on });
    if (!on) return void (await next(forgetAll));
    isLinked = false;
    noteLeftOut();
    const works = await next(async () => {
      if (!isWanted()) throw new Error("the browser refuses to store anything");
      await storeOutcomes();
      await storeFiles();
    });
    if (!works) await setKept(false);
  }

  const noteLeftOut = () => setLeftOut(get().leftOut.map(({ run }) => run));

  /**
   * Brings back the results that were kept.
   * @returns {Promise<() => Promise<void>>} brings back their dump, and from then on keeps what changes
   */
  async function bringBack() {
    // A frame shows its own dump's result, and leaves nothing behind.
    if (isEmbedded()) return async () => {};
    isLinked = get().beside !== "";
    const without = leftOut();
    /** @type {FileEntry[]} */
    let files = [];
    if (isWanted()) {
      await next(async () => {
        const found = await kept();
        files = found.files;
        stored = found.outcomes.map((outcome, i) => ({ ...outcome, id: i + 1 }));
        set({ kept: true, outcomes: stored, shown: stored.at(-1)?.id ?? null });
      });
      // What a tab had still to write when it was turned off. Where storage is refused there is nothing.
    } else void forget().catch(() => {});
    return async () => {
      if (!isLinked && files.length > 0 && !get().dump?.captures) {
        await add(files);
        for (const run of without) await removeRun(run);
      }
      follow();
    };
  }

  function follow() {
    watch(
      (state) => state.outcomes,
      (_, before) => void (before && get().kept && next(storeOutcomes)),
    );
    const isKept = () => get().kept && !(isLinked && get().beside !== "");
    watch(
      (state) => state.leftOut,
      (_, before) => void (before && isKept() && noteLeftOut()),
    );
    watch(
      (state) => state.dump,
      (_, before) => void (before !== undefined && isKept() && next(storeFiles)),
    );
    onWish((on) => {
      if (on === get().kept) return;
      set({ kept: on });
      void next(on ? storeOutcomes : forgetAll);
    });
  }

  /** Whether a later visit has all that is here. */
  const isAllKept = () => get().kept && stored === get().outcomes;

  return { setKept, bringBack, isAllKept };
}

/**
 * One change of the store after the other; each tells whether it worked.
 * @param {(error: unknown) => void} failed
 * @returns {(change: () => Promise<unknown>) => Promise<boolean>}
 */
function oneByOne(failed) {
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  return (change) => {
    const done = last.then(change).then(
      () => true,
      (error) => {
        failed(error);
        return false;
      },
    );
    last = done;
    return done;
  };
}
