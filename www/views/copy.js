// A button that copies a text, and says that it did.

import { h } from "../dom.js";

/** @param {string} label @param {string} title @param {() => string} what */
export function copyButton(label, title, what) {
  const button = h("button", { type: "button", class: "quiet", title, on: { click: copy } }, label);
  async function copy() {
    let said = "Copied";
    try {
      await navigator.clipboard.writeText(what());
    } catch {
      // No clipboard (no permission, no https): the text is shown to be copied by hand.
      prompt(title, what());
      said = label;
    }
    button.textContent = said;
    setTimeout(() => (button.textContent = label), 1500);
  }
  return button;
}
