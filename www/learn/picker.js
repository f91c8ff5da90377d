// Which values the lesson shows: layer, tensor, token, head and channels.

/** @import { Source } from "./source.js" */
import { fill, h } from "../dom.js";
import { shapeOf } from "./place.js";
import { SHOWN } from "./steps.js";

/** @typedef {Pick<import("./place.js").Place, "capture" | "tensor" | "token" | "head" | "first">} Place */

/**
 * Fills the picker for the capture chosen; what it changes in `at` is told by `changed`.
 * @param {HTMLElement} picker
 * @param {Source} source
 * @param {Place} at `capture` is the place in the source's list
 * @param {() => void} changed
 */
export function fillPicker(picker, source, at, changed) {
  const { captures } = source;
  const { seqLen, kvHeads, headDim } = shapeOf(captures[at.capture], at.tensor);
  const runs = new Set(captures.map(({ run }) => run)).size > 1;
  /** @param {Partial<Place>} change */
  const choose = (change) => {
    Object.assign(at, change);
    changed();
  };
  /** Chooses another tensor, in which there may be fewer tokens, heads and channels. @param {Partial<Place>} change */
  const chooseTensor = (change) => {
    Object.assign(at, change);
    const of = shapeOf(captures[at.capture], at.tensor);
    const [token, head] = [Math.min(at.token, of.seqLen - 1), Math.min(at.head, of.kvHeads - 1)];
    Object.assign(at, { token, head, first: at.first < of.headDim ? at.first : 0 });
    const field = [...picker.children].findIndex((label) => label.contains(document.activeElement));
    fillPicker(picker, source, at, changed);
    /** @type {HTMLElement | null | undefined} */ (picker.children[field]?.querySelector("select"))?.focus();
    changed();
  };
  fill(
    picker,
    select(
      "Layer",
      captures.map((pick, i) => [String(i), `${runs ? `${pick.run} ` : ""}${pick.layerId}, ${pick.stage}`]),
      String(at.capture),
      (value) => chooseTensor({ capture: Number(value) }),
    ),
    select(
      "Tensor",
      [
        ["k", "K"],
        ["v", "V"],
      ],
      at.tensor,
      (value) => chooseTensor({ tensor: value === "v" ? "v" : "k" }),
    ),
    numberField("Token", at.token, seqLen, (token) => choose({ token })),
    select("Head", numbered(kvHeads, String), String(at.head), (value) => choose({ head: Number(value) })),
    select(
      "Channels",
      numbered(Math.ceil(headDim / SHOWN), (i) => `${i * SHOWN} to ${Math.min(headDim, (i + 1) * SHOWN) - 1}`),
      String(at.first / SHOWN),
      (value) => choose({ first: Number(value) * SHOWN }),
    ),
  );
}

/** Options that have numbers from 0 on for values. @param {number} count @param {(i: number) => string} text @returns {[string, string][]} */
const numbered = (count, text) => Array.from({ length: count }, (_, i) => [String(i), text(i)]);

/** @param {string} label @param {[string, string][]} options @param {string} value @param {(value: string) => void} change */
function select(label, options, value, change) {
  const field = h(
    "select",
    {},
    options.map(([value, text]) => h("option", { value }, text)),
  );
  field.value = value;
  field.addEventListener("change", () => change(field.value));
  return h("label", {}, h("span", {}, label), field);
}

/** @param {string} label @param {number} value @param {number} count @param {(value: number) => void} change */
function numberField(label, value, count, change) {
  const field = h("input", { type: "number", min: 0, max: count - 1, step: 1, value });
  let shown = value;
  field.addEventListener("input", () => {
    const next = Number(field.value);
    const isThere = field.value !== "" && Number.isInteger(next) && next >= 0 && next < count;
    field.setAttribute("aria-invalid", String(!isThere));
    if (isThere) change((shown = next));
  });
  // What is not there gives way to what is shown.
  field.addEventListener("change", () => {
    field.value = String(shown);
    field.setAttribute("aria-invalid", "false");
  });
  return h("label", {}, h("span", {}, `${label} (of ${count})`), field);
}
