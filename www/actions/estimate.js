// When there are estimates: while nothing else runs, as settings change. One at a time; a run goes first. They also leave the engine warm.

/** @import { Engine } from "../engine/client.js" */
/** @import { State } from "../types.js" */
/** @import { Store } from "../store.js" */
import { isSearch, searchOf } from "../settings.js";
import { looks } from "./looks.js";

/** A reader who runs something at once is not held up. */
const QUIET_MS = 250;
/** Settings that move go on moving. */
const MOVING_MS = 20;

/** @param {Store<State>} store @param {Promise<Engine>} engine */
export function estimateActions({ get, set, watch }, engine) {
  /** @type {AbortController | null} of what goes on */
  let abort = null;
  /** @type {Promise<void>} */
  let going = Promise.resolve();
  /** Counts what was asked for: only the last of it is due. */
  let latest = 0;
  const { present, glance, otherCodecs } = looks({ get, set }, engine);

  /** From now on there are estimates for every dump. */
  function follow() {
    watch(
      (state) => state.dump,
      () => set({ glimpse: null, noGlimpse: false, estimate: null }),
    );
    watch(
      ({ dump, analysis, values, running, writing }) => [dump, analysis, values, running === null && !writing],
      (_, before) => void next(before && before[0] === get().dump ? MOVING_MS : QUIET_MS),
    );
  }

  /** What is due: first the present settings, then the headline. @param {number} wait ms */
  async function next(wait) {
    const turn = ++latest;
    // The look at whole layers, too: what the reader moves goes first, and it begins anew.
    abort?.abort();
    await going;
    await new Promise((done) => setTimeout(done, wait));
    const { dump, specs, running, writing } = get();
    if (turn !== latest || running || writing || !dump?.captures) return;
    const mine = (abort = new AbortController());
    going = (async () => {
      if (!isSearch(get())) await present(dump, mine.signal);
      if (get().glimpse === null && !get().noGlimpse && searchOf(specs)) await glance(dump, mine.signal);
      await otherCodecs(mine.signal);
      // A run, which waits for it, says what is wrong.
    })().catch(() => {});
  }

  /** Ends the estimate under way; resolves when the engine is free. */
  async function pause() {
    latest += 1;
    abort?.abort();
    await going;
  }

  return { follow, pause };
}
