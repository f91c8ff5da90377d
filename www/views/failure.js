// What went wrong, and what to try.

/** @import { Failure } from "../types.js" */
import { h } from "../dom.js";

/** @param {Failure} failure @param {...HTMLElement} actions */
export const failureBox = ({ message, hint }, ...actions) =>
  h(
    "div",
    { class: "message" },
    h("p", { class: "what" }, message),
    hint && h("p", {}, hint),
    actions.length > 0 && h("div", { class: "buttons" }, actions),
  );
