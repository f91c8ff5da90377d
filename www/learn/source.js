// Where the lesson's tensors come from: the dump that the page holds, else the sample.

import { sampleInspector } from "./sample-engine.js";

/** @import { Inspector } from "../engine/inspector.js" */
/**
 * @typedef {object} Source
 * @property {Inspector} inspector
 * @property {import("../engine/core.js").CaptureLine[]} captures
 * @property {boolean} sample  whether its values are the sample's
 * @property {boolean} own     whether they come from the lesson's own engine
 */

/** @param {Inspector} inspector of the page @param {boolean} sample whether the page's dump is the sample @returns {Promise<Source>} */
export async function lessonSource(inspector, sample) {
  const captures = await inspector.captures();
  if (captures.length > 0) return { inspector, captures, sample, own: false };
  return { inspector: sampleInspector, captures: await sampleInspector.captures(), sample: true, own: true };
}
