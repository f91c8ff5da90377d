// The serving engines that explore names flags for.

/** @type {import("../engine/core.js").Engine[]} */
export const ENGINES = ["llama.cpp", "vLLM", "mlx-lm"];
