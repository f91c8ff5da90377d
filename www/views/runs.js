// Runs of this visit: go back to one, or put one beside the one on screen.

/** @import { App } from "../app.js" */
/** @import { Outcome } from "../types.js" */
import { h } from "../dom.js";
import { count, ratio } from "../format.js";

/** @param {Outcome} outcome */
export const settingsText = ({ settings }) =>
  Object.entries(settings)
    .map(([flag, text]) => `${flag} ${text}`)
    .join(", ") || "defaults";

/** @param {Outcome} outcome */
export const bestOf = ({ report }) => (report && report.headline !== null ? report.groups[report.headline] : null);

/** @param {App} app @param {Outcome[]} outcomes @param {number | null} shown @param {number | null} comparedTo */
export function runList({ store }, outcomes, shown, comparedTo) {
  const onScreen = outcomes.find(({ id }) => id === shown);
  const rows = [...outcomes].reverse().map((outcome) => {
    const { id, analysis, dumpName, report, captures, capturesTotal } = outcome;
    const best = bestOf(outcome);
    const current = id === shown;
    const beside = id === comparedTo;
    return h(
      "li",
      { "aria-current": current ? "true" : false },
      h(
        "button",
        {
          type: "button",
          class: "link",
          disabled: current && comparedTo === null,
          on: { click: () => store.set({ shown: id, comparedTo: null }) },
        },
        `#${id} ${analysis}`,
      ),
      h("span", { class: "run-settings" }, settingsText(outcome)),
      h("span", { class: "muted" }, dumpName),
      h(
        "span",
        { class: "run-ratio" },
        report ? (best ? `KV ${ratio(best.all.kvRatio)}` : "") : `cancelled, ${count(captures)} of ${count(capturesTotal)}`,
      ),
      current || !report || !onScreen?.report
        ? h("span", { class: "muted" }, current ? "on screen" : "")
        : h(
            "button",
            {
              type: "button",
              class: "quiet",
              "aria-pressed": String(beside),
              on: { click: () => store.set({ comparedTo: beside ? null : id }) },
            },
            beside ? "End comparison" : "Compare",
          ),
    );
  });
  return [h("h3", {}, "Runs"), h("ol", { class: "run-rows" }, rows)];
}
