// One thread of the rayon pool: it enters wasm and stays there. It shares module and memory with the coordinator that made it.

self.onmessage = async ({ data: { glue, module, memory } }) => {
  try {
    const wasm = await import(glue);
    await wasm.default({ module_or_path: module, memory });
    self.postMessage("ready");
    wasm.runPoolThread();
  } catch (error) {
    // Out of memory, or a bug: the coordinator would wait for this thread for ever.
    self.postMessage({ died: String(error) });
  }
};
