// What went wrong, and what to try.

/** @import { Failure } from "../types.js" */
import { h } from "../dom.js";

/** The core's messages begin with a small letter, as a command line's do: not where they begin with a file's name. @param {string} text */
const sentence = (text) => text.replace(/^[a-z](?=[a-z]* )/, (letter) => letter.toUpperCase());

/** @param {Failure} failure @param {...HTMLElement} actions */
export const failureBox = ({ message, hint }, ...actions) =>
  h(
    "div",
    { class: "message" },
    h("p", { class: "what" }, sentence(message)),
    hint && h("p", {}, hint),
    actions.length > 0 && h("div", { class: "buttons" }, actions),
  );
