// Keyboard short cuts: the list of them, and what they do.

/** @import { App } from "../app.js" */
import { h } from "../dom.js";

const KEYS = [
  ["Enter", "Run the analysis"],
  ["Esc", "Cancel the run"],
  ["1 – 5", "Choose the analysis"],
  ["← →", "Move the split, once it has the focus; Home and End for its ends"],
  ["?", "This list"],
];

/** @type {HTMLDialogElement | null} */
let dialog = null;

export function showKeys() {
  if (!dialog) {
    const list = KEYS.flatMap(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)]);
    dialog = h(
      "dialog",
      { "aria-labelledby": "keys-title" },
      h("h2", { id: "keys-title" }, "Keys"),
      h("dl", { class: "keys-list" }, list),
      h("form", { method: "dialog" }, h("button", { autofocus: true }, "Close")),
    );
    document.body.append(dialog);
  }
  if (!dialog.open) dialog.showModal();
}

/** @param {App} app */
export function listenToKeys(app) {
  const { store } = app;
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || dialog?.open) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const typing = target.matches("input:not([type=checkbox], [type=radio]), select, textarea");
    if (event.key === "Escape" && store.get().running) app.cancel();
    // Enter on a button or link is that button's.
    // The lesson hides what the others are for.
    else if (store.get().lesson !== null) return;
    else if (event.key === "Enter" && !target.closest("button, a, summary, select, form")) void app.run();
    else if (typing) return;
    else if (event.key === "?") showKeys();
    else if (/^[1-9]$/.test(event.key)) {
      const spec = store.get().specs[Number(event.key) - 1];
      if (!spec) return;
      app.pick(spec.name);
    } else return;
    event.preventDefault();
  });
}
