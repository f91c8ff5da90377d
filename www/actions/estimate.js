// Estimates from a few captures, while nothing else runs: what explore says of some layers as soon as a dump is in.

/** @import { Engine } from "../engine/client.js" */
/** @import { State } from "../types.js" */
/** @import { Store } from "../store.js" */

/** A reader who runs something at once is not held up. */
const QUIET_MS = 300;
/** Layers that explore looks at for its headline. */
const LAYERS = 2;

/** What explore tries for its headline: what engines have, what kvlens stores, and few steps and queries. */
const GLIMPSE = { classes: "engine,stored", steps: "0.085,0.18,0.38", queries: "4" };

/** @param {Store<State>} store @param {Promise<Engine>} engine */
export function estimateActions({ get, set, watch }, engine) {
  /** @type {AbortController | null} */
  let abort = null;
  /** @type {Promise<void>} the one under way, or none */
  let going = Promise.resolve();

  /** From now on there is an estimate for every dump. */
  function follow() {
    watch(
      (state) => state.dump,
      () => {
        set({ glimpse: null });
        void glance();
      },
    );
    watch(
      (state) => state.running === null,
      (idle) => void (idle && get().glimpse === null && glance()),
    );
  }

  async function glance() {
    const mine = new AbortController();
    await pause();
    abort = mine;
    await new Promise((done) => setTimeout(done, QUIET_MS));
    if (mine.signal.aborted) return;
    const { dump, specs, running } = get();
    if (!dump?.captures || running || !specs.some(({ name }) => name === "explore")) return;
    going = look(dump, mine.signal);
    await going;
  }

  /** @param {NonNullable<State["dump"]>} dump @param {AbortSignal} signal */
  async function look(dump, signal) {
    try {
      const request = {
        analysis: "explore",
        settings: GLIMPSE,
        verify: false,
        sample: /** @type {const} */ ({ what: "layers", layers: LAYERS }),
      };
      const { report } = await (await engine).run(request, { signal });
      if (get().dump === dump && report.explored) set({ glimpse: { explored: report.explored, layers: dump.layers.length } });
    } catch {
      // No estimate is no fault: a run says what is wrong.
    }
  }

  /** Ends the estimate under way; resolves when the engine is free. */
  async function pause() {
    abort?.abort();
    abort = null;
    await going;
  }

  return { follow, pause };
}
