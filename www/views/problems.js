// Files that could not be used, one line each: the first ones stand open, the others fold.

/** @import { Problem } from "../engine/core.js" */
import { h } from "../dom.js";
import { count } from "../format.js";

/** More than this stay folded. */
const OPEN = 3;
/** A list of thousands would only make the page slow. */
const MOST = 1000;

/** @param {Problem[]} problems @param {string} head */
export function problemList(problems, head) {
  if (problems.length === 0) return null;
  /** @param {Problem[]} some */
  const list = (some) =>
    h(
      "ul",
      {},
      some.map(({ file, message }) => h("li", {}, h("code", {}, file), ": ", message)),
    );
  const folded = problems.slice(OPEN, MOST);
  return h(
    "div",
    { class: "problems" },
    h("p", { class: "problems-head" }, h("span", { class: "alert-mark", "aria-hidden": "true" }, "!"), head),
    list(problems.slice(0, OPEN)),
    folded.length > 0 &&
      h(
        "details",
        {},
        h("summary", {}, `${count(problems.length - OPEN)} more`),
        list(folded),
        problems.length > MOST && h("p", { class: "muted" }, `The first ${count(MOST)} are listed.`),
      ),
  );
}
