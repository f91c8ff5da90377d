// Where the lesson's tensors come from: the dump that the page holds, else the sample, in a small engine of the lesson's own
// so that the page's dump stays empty.

import { Engine } from "../engine/client.js";
import { sampleFiles } from "../sample.js";

/** @typedef {Engine["inspect"]} Inspect */
/** @typedef {{ inspect: Inspect, captures: import("../engine/core.js").CaptureLine[], sample: boolean }} Source */

/** @type {Promise<Engine> | undefined} */
let sampleEngine;

/** @param {Inspect} inspect of the page @param {boolean} sample whether the page's dump is the sample @returns {Promise<Source>} */
export async function lessonSource(inspect, sample) {
  const captures = await inspect({ what: "captures" });
  if (captures.length > 0) return { inspect, captures, sample };
  sampleEngine ??= startSample();
  const own = await sampleEngine.catch((error) => {
    sampleEngine = undefined;
    throw error;
  });
  return { inspect: (request) => own.inspect(request), captures: await own.inspect({ what: "captures" }), sample: true };
}

async function startSample() {
  const engine = await Engine.start({ kind: "serial" });
  await engine.addFiles(await sampleFiles());
  return engine;
}
