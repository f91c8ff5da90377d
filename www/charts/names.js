// Names of marks in a chart that is crowded: each stands where it lies on no mark and on no other name, or is left out.

import { textWidth } from "./svg.js";

/** @typedef {{ left: number, top: number, right: number, bottom: number }} Box  px */
/** Where a text may stand: its anchor, and the middle of its height. @typedef {{ x: number, y: number, anchor: "start" | "middle" | "end" }} Spot */
/** What is to be named: texts and spots, the best of each first. @typedef {{ texts: string[], spots: Spot[] }} Wanted */

/** Between a name and what is beside it, px. */
const GAP = 2;

/**
 * Around the mark at a point.
 * @param {{ x: number, y: number }} point
 * @param {number} r how far the mark reaches, px
 * @param {number} [rise] how far above and below a name beside it may stand, px
 * @returns {Spot[]}
 */
export function around({ x, y }, r, rise = r) {
  const [left, right, above, below] = [x - r - 5, x + r + 5, y - rise - 1, y + rise + 1];
  return [
    { x: right, y: above, anchor: "start" },
    { x: right, y, anchor: "start" },
    { x: left, y: below, anchor: "end" },
    { x: left, y, anchor: "end" },
    { x: right, y: below, anchor: "start" },
    { x: left, y: above, anchor: "end" },
    { x, y: above - 8, anchor: "middle" },
    { x, y: below + 8, anchor: "middle" },
  ];
}

/** The square around a mark. @param {{ x: number, y: number }} point @param {number} r @returns {Box} */
export const boxOf = ({ x, y }, r) => ({ left: x - r, top: y - r, right: x + r, bottom: y + r });

/**
 * Those that found a place, with it: the first of `wanted` choose first.
 * @template {Wanted} T
 * @param {T[]} wanted
 * @param {Box[]} taken by marks
 * @param {Box} frame that no name leaves
 * @param {number} size of the font, px
 * @returns {{ of: T, text: string, x: number, y: number }[]} `x` is where the text starts, `y` the middle of its height
 */
export function placed(wanted, taken, frame, size) {
  const full = [...taken];
  return wanted.flatMap((of) => {
    for (const text of of.texts) {
      const width = textWidth(text, size);
      for (const { x, y, anchor } of of.spots) {
        const left = x - width * { start: 0, middle: 0.5, end: 1 }[anchor];
        const box = { left, top: y - 0.65 * size, right: left + width, bottom: y + 0.65 * size };
        if (!isWithin(box, frame) || full.some((other) => meet(box, other))) continue;
        full.push(box);
        return [{ of, text, x: left, y }];
      }
    }
    return [];
  });
}

/** @param {Box} box @param {Box} frame */
const isWithin = (box, frame) => box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom;

/** @param {Box} a @param {Box} b */
const meet = (a, b) => a.left < b.right + GAP && b.left < a.right + GAP && a.top < b.bottom + GAP && b.top < a.bottom + GAP;
