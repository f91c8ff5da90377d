// One thread of the rayon pool: it enters wasm and stays there. It shares module and memory with the coordinator. Its maker is threads.js.

import { describe } from "./errors.js";

self.onmessage = async ({ data: { glue, module, memory, receiver } }) => {
  try {
    const wasm = await import(glue);
    await wasm.default({ module_or_path: module, memory });
    self.postMessage({ entered: true });
    wasm.wbg_rayon_start_worker(receiver);
  } catch (error) {
    // Out of memory, or a bug: the coordinator would wait for this thread for ever.
    self.postMessage({ died: describe(error) });
  }
};
