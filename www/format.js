// Numbers as the page writes them: ratios with ×, bytes in MB (10^6) with the exact count on hover, errors with 3 digits.

import { h } from "./dom.js";

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** As it is, with a real minus and thousands set off. @param {number} n */
export const number = (n) => n.toLocaleString("en-US", { maximumFractionDigits: 20 }).replace("-", "−");

/** 2480 -> "2,480" @param {number} n */
export const count = (n) => whole.format(n);

/** 1.8761 -> "1.876×"; a ratio of 0 stands for "no size" in the reports. @param {number} r */
export const ratio = (r) => (Number.isFinite(r) && r > 0 ? `${r.toFixed(3)}×` : "–");

/** 3 significant digits, plain between 1e-4 and 1e6. @param {number} e */
export function error(e) {
  if (!Number.isFinite(e)) return String(e);
  const size = Math.abs(e);
  if (size === 0) return "0";
  if (size < 1e-4 || size >= 1e6) return e.toExponential(2);
  return size < 1000 ? e.toPrecision(3) : e.toFixed(0);
}

/** Cosines crowd at 1: 2 digits of the distance to 1. 0.9998237 -> "0.99982"; rounding in f32 may leave one above 1. @param {number} value */
export function cosine(value) {
  if (!Number.isFinite(value)) return String(value);
  const c = Math.min(1, value);
  const gap = Math.abs(1 - c);
  const digits = gap > 0 && gap < 0.1 ? Math.min(9, 1 - Math.floor(Math.log10(gap))) : 3;
  return c.toFixed(digits);
}

/** 0.00414 -> "0.41 %", 1.004 -> "100 %" @param {number} share */
export function percent(share) {
  if (!Number.isFinite(share)) return String(share);
  const hundredths = 100 * share;
  return `${Math.abs(hundredths) < 99.5 ? hundredths.toPrecision(2) : count(hundredths)} %`;
}

/** 936000 -> "0.94 MB" @param {number} bytes */
export function megabytes(bytes) {
  const mb = bytes / 1e6;
  if (bytes > 0 && bytes < 1000) return `${count(bytes)} B`;
  if (bytes > 0 && mb < 0.0995) return `${(bytes / 1000).toPrecision(mb < 0.00995 ? 2 : 3)} kB`;
  if (mb >= 9999.5) return `${(mb / 1000).toFixed(1)} GB`;
  return `${mb < 10 ? mb.toFixed(2) : mb < 100 ? mb.toFixed(1) : count(mb)} MB`;
}

/** The same as an element that shows the exact count on hover. @param {number} bytes */
export const bytesElement = (bytes) => h("span", { class: "num", title: `${count(bytes)} bytes` }, megabytes(bytes));

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
