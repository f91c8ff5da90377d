// Paragraphs of a step.

import { h } from "../dom.js";

/** @param {...import("../dom.js").Child[]} sentences a paragraph each */
export const prose = (...sentences) =>
  h(
    "div",
    { class: "prose" },
    sentences.map((sentence) => h("p", {}, sentence)),
  );
