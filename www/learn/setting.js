// The lesson's lossy setting: truncate or quantize, and to how many bits.

import { h } from "../dom.js";

/**
 * Method and bits.
 * @param {{ method: "truncate" | "quant", bits: number }} at
 * @param {() => void} changed
 */
export function lossySetting(at, changed) {
  const range = h("input", { type: "range", step: 1, "aria-label": "Bits" });
  const value = h("output", {});
  const limits = { truncate: [0, 10], quant: [2, 12] };
  const sync = () => {
    const [min, max] = limits[at.method];
    at.bits = Math.min(max, Math.max(min, at.bits));
    Object.assign(range, { min: String(min), max: String(max) });
    range.value = String(at.bits);
    value.textContent =
      at.method === "truncate" ? `${at.bits} of ${limits.truncate[1]} mantissa bits kept` : `${at.bits} bits: ${2 ** at.bits - 1} levels`;
    range.setAttribute("aria-valuetext", value.textContent);
  };
  range.addEventListener("input", () => {
    at.bits = Number(range.value);
    sync();
    changed();
  });
  /** @type {HTMLInputElement[]} */
  const radios = [];
  const method = (/** @type {"truncate" | "quant"} */ name, /** @type {string} */ text, /** @type {number} */ bits) => {
    const radio = h("input", { type: "radio", name: "lesson-method", value: name, checked: at.method === name });
    radios.push(radio);
    radio.addEventListener("change", () => {
      Object.assign(at, { method: name, bits });
      sync();
      changed();
    });
    return h("label", {}, radio, ` ${text}`);
  };
  sync();
  return {
    node: h(
      "fieldset",
      { class: "setting" },
      h("legend", { class: "visually-hidden" }, "Lossy setting"),
      method("truncate", "Truncate", 6),
      method("quant", "Quantize", 8),
      range,
      value,
    ),
    /** Shows what was changed from outside. */
    sync() {
      for (const radio of radios) radio.checked = radio.value === at.method;
      sync();
    },
    /** Takes over the mantissa's length from the tensor's type. @param {number} mantissa */
    follow(mantissa) {
      limits.truncate[1] = mantissa;
      sync();
    },
  };
}
