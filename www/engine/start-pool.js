// wasm-bindgen-rayon's JavaScript helper, as ours: the build puts it in place of the crate's own, which makes workers from `blob:`
// addresses (the page's policy forbids them) inside of the coordinator (which hangs Firefox now and then: see threads.js).
// Here the page makes them, and they enter the instance as the crate's would.

/** @typedef {import("./threads.js").SharedWasm} SharedWasm */

/**
 * The crate's `PoolBuilder`.
 * @typedef {{ numThreads: () => number, mainJS: () => string, receiver: () => number, build: () => void }} PoolBuilder
 */

/**
 * What the crate's `initThreadPool` calls in the coordinator.
 * @param {WebAssembly.Module} module
 * @param {WebAssembly.Memory} memory
 * @param {PoolBuilder} builder
 */
export async function startWorkers(module, memory, builder) {
  const { port1, port2 } = new MessageChannel();
  const entered = new Promise((resolve) => (port1.onmessage = resolve));
  /** @type {SharedWasm} */
  const wasm = { glue: builder.mainJS(), module, memory, receiver: builder.receiver() };
  self.postMessage({ pool: wasm }, { transfer: [port2] });
  await entered;
  port1.close();
  // Waits for the threads, all of which are in `wbg_rayon_start_worker` now or about to be.
  builder.build();
}
