// Where the lesson's tensors come from: the dump that the page holds, else the sample, in a small engine of the lesson's own
// so that the page's dump stays empty.

import { Engine } from "../engine/client.js";
import { sampleFiles } from "../sample.js";

/** @typedef {{ inspect: (request: Record<string, any>) => Promise<any> }} Inspector */
/** @typedef {{ capture: number, run: string, layerId: number, stage: string, seqLen: number, kvHeads: number, headDim: number, dtype: string }} Pick */
/** @typedef {{ engine: Inspector, captures: Pick[], sample: boolean }} Source */

/** @type {Promise<Inspector> | undefined} */
let sampleEngine;

/** @param {Inspector} engine of the page @returns {Promise<Source>} */
export async function lessonSource(engine) {
  const { captures } = await engine.inspect({ what: "captures" });
  if (captures.length > 0) return { engine, captures, sample: false };
  sampleEngine ??= startSample();
  const own = await sampleEngine.catch((error) => {
    sampleEngine = undefined;
    throw error;
  });
  return { engine: own, captures: (await own.inspect({ what: "captures" })).captures, sample: true };
}

async function startSample() {
  const engine = await Engine.start({ kind: "serial" });
  await engine.addFiles(await sampleFiles());
  return engine;
}
