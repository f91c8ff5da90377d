// The workers of the rayon pool. The page makes them, not the coordinator: `new Worker` in a worker waits for the new one to run, in
// Firefox now and then for ever (ESR 153, 5 of 100 starts), and not every Safari has it there.

import { EngineError } from "./errors.js";
import { script } from "./scripts.js";

/**
 * What a thread needs to enter the coordinator's instance; `receiver` is where it gets its work from, an address in the memory.
 * @typedef {{ glue: string, module: WebAssembly.Module, memory: WebAssembly.Memory, receiver: number }} SharedWasm
 */

export class Threads {
  /** @type {Worker[]} Kept: Firefox collects workers that share memory and have no other owner (bug 1702191). */
  #workers;
  /** @type {Promise<unknown>} */
  #entered;

  /**
   * Their script loads now.
   * @param {number} count
   * @param {(error: EngineError) => void} onDeath of any of them, after which all is to be replaced
   */
  constructor(count, onDeath) {
    this.#workers = Array.from({ length: count }, (_, i) => {
      return new Worker(script("pool"), { type: "module", name: `pool ${i}` });
    });
    this.#entered = Promise.all(
      this.#workers.map((worker) => {
        return new Promise((resolve) => {
          worker.onmessage = ({ data }) => {
            if (data.entered) return resolve(undefined);
            onDeath(new EngineError(data.died.code, data.died.message));
          };
          worker.onerror = (event) => {
            event.preventDefault();
            onDeath(new EngineError("start", event.message || "a worker did not start"));
          };
        });
      }),
    );
  }

  /**
   * Lets them into the coordinator's instance.
   * @param {SharedWasm} wasm
   */
  async enter(wasm) {
    for (const worker of this.#workers) worker.postMessage(wasm);
    await this.#entered;
  }

  terminate() {
    for (const worker of this.#workers) worker.terminate();
  }
}
