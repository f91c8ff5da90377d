// Where the lesson's tensors come from: the dump that the page holds, else the sample.

import { inspectSample } from "./sample-engine.js";

/** @typedef {import("../engine/client.js").Engine["inspect"]} Inspect */
/**
 * @typedef {object} Source
 * @property {Inspect} inspect
 * @property {import("../engine/core.js").CaptureLine[]} captures
 * @property {boolean} sample  whether its values are the sample's
 * @property {boolean} own     whether they come from the lesson's own engine
 */

/** @param {Inspect} inspect of the page @param {boolean} sample whether the page's dump is the sample @returns {Promise<Source>} */
export async function lessonSource(inspect, sample) {
  const captures = await inspect({ what: "captures" });
  if (captures.length > 0) return { inspect, captures, sample, own: false };
  return { inspect: inspectSample, captures: await inspectSample({ what: "captures" }), sample: true, own: true };
}
