// Has files written from the dump: in another format, or packed.

/** @import { Engine } from "../engine/client.js" */
/** @import { State } from "../types.js" */
/** @import { Store } from "../store.js" */

/** @param {Store<State>} store @param {Promise<Engine>} engine @param {() => Promise<void>} pauseEstimates */
export function writingActions({ set }, engine, pauseEstimates) {
  /** @type {Engine["convert"]} */
  const convert = (options, news) => alone(async () => (await engine).convert(options, news));

  /** @type {Engine["pack"]} */
  const pack = (request, options) => alone(async () => (await engine).pack(request, options));

  /**
   * Has a file written, and nothing computed beside it: a run or an estimate that is ended may take the pool with it.
   * @template T @param {() => Promise<T>} job
   */
  async function alone(job) {
    set({ writing: true });
    try {
      await pauseEstimates();
      return await job();
    } finally {
      set({ writing: false });
    }
  }

  return { convert, pack };
}
