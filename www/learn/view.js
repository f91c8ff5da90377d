// What a step draws from: the core's answers to what it asks of one place of a dump.

/** @import { Kv, Lesson, Matter, Method } from "../engine/core.js" */
/** @import { Place } from "./place.js" */
/** @import { Source } from "./source.js" */
/** @typedef {import("./curve.js").Point} Point */
/** @typedef {ReturnType<ReturnType<typeof import("./curve.js").curveFigure>["onPaper"]>} Curve */
/**
 * @typedef {object} View
 * @property {Lesson} lesson
 * @property {Kv} tensor
 * @property {number} token
 * @property {number} head
 * @property {number} first         channel of the first value shown
 * @property {"truncate" | "quant"} method
 * @property {number} bits
 * @property {HTMLElement} curve    all settings as points
 * @property {Point[]} points       the same, from the step on that draws them
 * @property {Lesson | null} other  the other tensor, where the step compares both
 * @property {Lesson | null} rounded  mantissas rounded in place of cut
 * @property {number} greatest      greatest magnitude of the tensor, where the step needs it
 * @property {{ name: string, matter: Matter }[]} matters  settings of K alone and of V alone
 */

const LEVEL = 3;
/** The steps that need more than the lesson on one vector. */
const DIFFERENCES = 3;
/** The step with the slider; on it values are lossy. */
export const LOSSY = 5;
const COSTS = 6;
const MATTER = 7;

/** What the last step compares. @type {[string, Method, number][]} */
const MATTERS = [
  ["8 bits", "quant", 8],
  ["6 bits", "quant", 6],
  ["6 mantissa bits", "truncate", 6],
];

/**
 * @param {Source} source @param {Place} place @param {number} step @param {Curve} curve @param {() => boolean} wanted
 * @returns {Promise<View | null>} null where it is not wanted any more
 */
export async function viewOf({ inspector, captures }, place, step, curve, wanted) {
  const { tensor, token, head, first, method, bits } = place;
  const { capture } = captures[place.capture];
  /** @param {Method} method @param {number} bits @param {Kv} [of] */
  const ask = (method, bits, of = tensor) => inspector.lesson(capture, of, { token, head, method, bits, level: LEVEL });
  const lesson = await ask(step === LOSSY ? method : "none", bits);
  const other = step === DIFFERENCES ? await ask("none", 0, tensor === "k" ? "v" : "k") : null;
  const kept = method === "truncate" ? bits : 6;
  const rounded = step === LOSSY ? await ask("round", kept) : null;
  const pictures = step === LOSSY ? await inspector.pictures(capture) : null;
  const points = step === COSTS ? await curve.measure(`${capture} ${tensor}`, lesson, ask, wanted) : [];
  if (points === null) return null;
  if (step === COSTS) await curve.draw(points, lesson, tensor);
  /** @type {View["matters"]} */
  const matters = [];
  if (step === MATTER)
    for (const [name, method, bits] of MATTERS) matters.push({ name, matter: await inspector.matter(capture, { method, bits }) });
  const greatest = pictures?.[tensor].values.limit ?? 0;
  return { lesson, tensor, token, head, first, method, bits, curve: curve.node, points, other, rounded, greatest, matters };
}
