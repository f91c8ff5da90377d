// Paragraphs of a step.

import { h } from "../dom.js";

/** Numbers stay on one line with their unit. @param {string} text */
export const tied = (text) => text.replace(/(?<=\d) (?=%|B\b)/g, "\u00a0");

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
