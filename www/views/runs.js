// Runs of this visit: go back to one, or put one beside the one on screen.

/** @import { App } from "../app.js" */
/** @import { Outcome, State } from "../types.js" */
import { byId, h } from "../dom.js";
import { count, ratio } from "../format.js";
import { dumpOf, standsFor, variantName } from "../figures.js";
import { KEEP_BYTES } from "../keep.js";
import { paramsOf, specOf } from "../settings.js";
import { drawAllRuns } from "./charts.js";

/** What differs from the defaults, as the form names it. @param {State} state @param {Outcome} outcome */
function settingsText(state, { analysis, settings }) {
  const spec = specOf(state, analysis);
  const label = (/** @type {string} */ flag) => (spec ? paramsOf(spec) : []).find((param) => param.flag === flag)?.label ?? flag;
  return (
    Object.entries(settings)
      .map(([flag, text]) => `${label(flag)} ${text}`)
      .join(", ") || "defaults"
  );
}

/** @param {Outcome} outcome */
export const bestOf = ({ report }) => report && standsFor(report);

/** @param {Outcome} outcome */
export const nameOf = ({ id, name, analysis }) => name || `#${id} ${analysis}`;

/** The rows of its best variant, and of the layers that stayed lossless. @param {Outcome} outcome */
export function bestRows(outcome) {
  const best = bestOf(outcome);
  if (!best) return [];
  const name = variantName(best.variant);
  return outcome.rows.filter((row) => row.lossless || variantName(row.variant) === name);
}

/** The name that is being typed: the list is drawn anew whenever more is known of a run. @type {{ id: number, text: string } | null} */
let typed = null;

/**
 * Its name as a field, until the reader leaves it.
 * @param {App} app @param {Outcome} outcome @param {HTMLElement} button in its place until then @param {string} [text] typed so far
 */
function rename(app, outcome, button, text) {
  const field = h("input", {
    type: "text",
    class: "run-name",
    "aria-label": `New name of ${nameOf(outcome)}`,
    value: text ?? nameOf(outcome),
    maxlength: 80,
  });
  typed = { id: outcome.id, text: field.value };
  field.addEventListener("input", () => (typed = { id: outcome.id, text: field.value }));
  let done = false;
  const end = (/** @type {boolean} */ keep) => {
    // Then it goes on in the next one.
    if (done || !field.isConnected) return;
    done = true;
    typed = null;
    app.renameOutcome(outcome.id, keep ? field.value : outcome.name);
    field.replaceWith(button);
    document.getElementById(`rename-${outcome.id}`)?.focus();
  };
  // Where its list is taken away the focus leaves first.
  field.addEventListener("blur", () => queueMicrotask(() => end(true)));
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    end(event.key === "Enter");
  });
  button.replaceWith(field);
  if (text === undefined) field.select();
  // The list that it is in is not in the page yet.
  else
    queueMicrotask(() => {
      field.focus();
      field.setSelectionRange(text.length, text.length);
    });
}

/** @param {App} app @param {Outcome[]} outcomes @param {number | null} shown @param {number | null} comparedTo */
export function runList(app, outcomes, shown, comparedTo) {
  const { store } = app;
  const onScreen = outcomes.find(({ id }) => id === shown);
  const rows = [...outcomes].reverse().map((outcome) => {
    const { id, dumpName, report, captures, capturesTotal } = outcome;
    const best = bestOf(outcome);
    const stored = report?.explored?.choices.find((choice) => choice.class === "stored" && !choice.lossless);
    const current = id === shown;
    const beside = id === comparedTo;
    const name = nameOf(outcome);
    const settings = settingsText(store.get(), outcome);
    const open = h(
      "button",
      {
        type: "button",
        class: "link",
        disabled: current && comparedTo === null,
        on: { click: () => store.set({ shown: id, comparedTo: null }) },
      },
      name,
    );
    const line = h(
      "li",
      { "aria-current": current ? "true" : false },
      open,
      h("span", { class: "run-settings", title: settings }, settings),
      h("span", { class: "run-dump muted", title: dumpName }, dumpName),
      h(
        "span",
        { class: "run-ratio" },
        report
          ? stored
            ? `stored ${ratio(stored.ratio)}`
            : best
              ? `KV ${ratio(best.all.kvRatio)}`
              : ""
          : `cancelled, ${count(captures)} of ${count(capturesTotal)}`,
      ),
      current || !report || !onScreen?.report || !report.explored !== !onScreen.report.explored
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
      h(
        "span",
        { class: "run-tools" },
        h(
          "button",
          {
            type: "button",
            class: "quiet",
            id: `rename-${id}`,
            "aria-label": `Rename ${name}`,
            on: { click: () => rename(app, outcome, open) },
          },
          "Rename",
        ),
        h(
          "button",
          {
            type: "button",
            class: "quiet square",
            "aria-label": `Delete ${name}`,
            title: "Delete",
            on: {
              click: () => {
                app.deleteOutcome(id);
                byId("result").focus();
              },
            },
          },
          "×",
        ),
      ),
    );
    if (typed?.id === id) rename(app, outcome, open, typed.text);
    return line;
  });
  const keep = h("input", { type: "checkbox", id: "keep", on: { change: () => void app.setKept(keep.checked) } });
  keep.checked = store.get().kept;
  const words = `Keep runs in this browser, with their dump up to ${count(KEEP_BYTES / 1e6)} MB, until this is turned off`;
  const alike = outcomes.filter((outcome) => !onScreen || dumpOf(outcome) === dumpOf(onScreen));
  const plotted = alike.map((outcome) => ({ name: nameOf(outcome), rows: bestRows(outcome) })).filter(({ rows }) => rows.length > 0);
  const chart = h("div", { class: "all-runs" });
  if (plotted.length > 1) void drawAllRuns(chart, plotted);
  return [
    h("h3", {}, "Runs"),
    h("ol", { class: "run-rows" }, rows),
    plotted.length > 1 && chart,
    h("label", { class: "check", title: "Off: nothing of a dump or a result is stored, and closing the tab forgets all" }, keep, words),
  ];
}
