// Numbers as the page writes them: ratios with ×, bytes in kB, MB, GB (10^3, 10^6, 10^9) with the exact count on hover, errors with 3 digits.

import { h } from "./dom.js";

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** As it is, with a real minus and thousands set off. @param {number} n */
export const number = (n) => n.toLocaleString("en-US", { maximumFractionDigits: 20 }).replace("-", "−");

/** 2480 -> "2,480" @param {number} n */
export const count = (n) => whole.format(n);

/** 1.8761 -> "1.876×"; a ratio of 0 stands for "no size" in the reports. @param {number} r */
export const ratio = (r) => (Number.isFinite(r) && r > 0 ? `${r.toFixed(3)}×` : "–");

/** The same where the unit stands in a table's head. @param {number} r */
export const bareRatio = (r) => ratio(r).replace(/×$/, "");

/** 3 significant digits, plain between 1e-4 and 1e6. @param {number} e */
export function error(e) {
  if (!Number.isFinite(e)) return String(e);
  const size = Math.abs(e);
  if (size === 0) return "0";
  if (size < 1e-4 || size >= 999_999.5) return e.toExponential(2);
  return size < 999.5 ? e.toPrecision(3) : e.toFixed(0);
}

/**
 * Cosines crowd at 1: 2 digits of the distance to 1. 0.9998237 -> "0.99982"; what is 1 in 9 digits is 1, and rounding in f32 may leave one above.
 * @param {number} value
 */
export function cosine(value) {
  if (!Number.isFinite(value)) return String(value);
  const c = Math.min(1, value);
  // 1 - 0.9999 is a little less than 0.0001 here.
  const gap = Number((1 - c).toPrecision(2));
  const digits = gap >= 5e-10 && gap < 0.1 ? Math.min(9, 1 - Math.floor(Math.log10(gap))) : 3;
  return c.toFixed(digits);
}

/** 0.00414 -> "0.41 %", 1.004 -> "100 %" @param {number} share */
export function percent(share) {
  if (!Number.isFinite(share)) return String(share);
  const hundredths = 100 * share;
  return `${hundredths !== 0 && Math.abs(hundredths) < 99.5 ? hundredths.toPrecision(2) : count(hundredths)} %`;
}

/** @type {[number, string][]} */
const UNITS = [
  [1e3, "kB"],
  [1e6, "MB"],
  [1e9, "GB"],
];

/** Three digits in units of 1,000: 936000 -> "936 kB", 2.95e9 -> "2.95 GB". @param {number} bytes */
export function size(bytes) {
  if (bytes < 999.5) return `${count(bytes)} B`;
  // The unit is that of the rounded number: no 1000 kB.
  const [unit, name] = UNITS.find(([unit]) => bytes < 999.5 * unit) ?? [1e12, "TB"];
  const value = bytes / unit;
  return `${value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : count(value)} ${name}`;
}

/** The same as an element that shows the exact count on hover. @param {number} bytes */
export const bytesElement = (bytes) => h("span", { class: "num", title: `${count(bytes)} bytes` }, size(bytes));

/** @param {number} ms */
export function duration(ms) {
  if (ms < 50) return "less than 0.1 s";
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 100) return `${s} s`;
  const minutes = Math.floor(s / 60);
  return minutes < 60 ? `${minutes} min ${s % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** "1 capture", "3 captures" @param {number} n @param {string} noun @param {string} [plural] */
export const plural = (n, noun, plural = `${noun}s`) => `${count(n)} ${n === 1 ? noun : plural}`;

/** The same with each number and its unit on one line. @param {string} text */
export const tied = (text) => text.replace(/(?<=\d) (?=%|(?:[kMGT]?B|s|min)\b)/g, "\u00a0");
