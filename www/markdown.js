// Renders the reports' summaries: headings, lists and paragraphs, which is all the Markdown that they use.
// Built as elements, never as markup text.

import { h } from "./dom.js";

/** @param {string} text @returns {HTMLElement} */
export function markdown(text) {
  const root = h("div", { class: "markdown" });
  /** @type {HTMLUListElement | null} */
  let list = null;
  for (const line of text.split(/\r?\n/)) {
    const item = /^[-*] (.*)$/.exec(line);
    if (item) {
      if (!list) root.append((list = h("ul")));
      list.append(h("li", {}, ...inline(item[1])));
      continue;
    }
    list = null;
    const heading = /^(#{1,3}) (.*)$/.exec(line);
    // The page's own headings go down to h3: the summary's begin below.
    if (heading) root.append(h(heading[1].length === 1 ? "h4" : "h5", {}, ...inline(heading[2])));
    else if (line.trim() !== "") root.append(h("p", {}, ...inline(line)));
  }
  return root;
}

/** Names and figures set off: `code` spans, and the value after "Label: ". @param {string} text */
function inline(text) {
  return text.split(/(`[^`]+`)/).map((part) => (/^`.+`$/.test(part) ? h("code", {}, part.slice(1, -1)) : part));
}
