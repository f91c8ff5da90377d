// Paragraphs of a step.

import { h } from "../dom.js";
import { tied } from "../format.js";

/** @param {...import("../dom.js").Child[]} sentences a paragraph each */
export const prose = (...sentences) =>
  h(
    "div",
    { class: "prose" },
    sentences.map((sentence) =>
      h(
        "p",
        {},
        sentence.map((part) => (typeof part === "string" ? tied(part) : part)),
      ),
    ),
  );
