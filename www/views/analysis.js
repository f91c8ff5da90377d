// The analyses as tabs, each with a form made from the core's definitions; the run bar below belongs to all of them.

/** @import { App } from "../app.js" */
/** @import { AnalysisSpec, ParamSpec } from "../engine/core.js" */
import { byId, fill, h } from "../dom.js";
import { SPLIT, applies, hasSplit, paramsOf, specOf } from "../settings.js";
import { fieldFor } from "./field.js";
import { runBar } from "./run.js";

/** @type {[string, ParamSpec["section"]][]} */
const GROUPS = [
  ["Lossy layers", "method"],
  ["Report", "report"],
  ["Captures", "captures"],
  ["Compression", "compression"],
];

/** @param {App} app */
export function mountAnalysis(app) {
  const { store } = app;
  const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Analysis" });
  const help = h("p", { class: "tab-help" }, " ");
  const form = h("div", { class: "form" });
  const panel = h("div", { role: "tabpanel", id: "analysis-panel" }, help, form);
  fill(byId("analysis-body"), tabs, panel, runBar(app));

  /** @type {(() => void)[]} */
  let stops = [];
  store.watch(
    (state) => state.specs,
    (specs) => fill(tabs, specs.map(tab)),
  );
  store.watch(
    ({ specs, analysis }) => [specs, analysis],
    () => {
      const spec = specOf(store.get());
      for (const button of /** @type {NodeListOf<HTMLElement>} */ (tabs.querySelectorAll("button"))) {
        const on = button.dataset.name === spec?.name;
        button.setAttribute("aria-selected", String(on));
        button.tabIndex = on ? 0 : -1;
        if (on) panel.setAttribute("aria-labelledby", button.id);
      }
      for (const stop of stops) stop();
      stops = [];
      if (spec) buildForm(spec);
    },
  );

  /** @param {AnalysisSpec} spec */
  function tab({ name, label }) {
    return h(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${name}`,
        "data-name": name,
        "data-label": label,
        "aria-controls": "analysis-panel",
        on: { click: () => app.pick(name), keydown: walk },
      },
      label,
    );
  }

  /** @param {KeyboardEvent} event */
  function walk(event) {
    const buttons = [...tabs.querySelectorAll("button")];
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (event.currentTarget));
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = buttons[(to + buttons.length) % buttons.length];
    app.pick(next.dataset.name ?? "");
    next.focus();
  }

  /** @param {AnalysisSpec} spec */
  function buildForm(spec) {
    help.textContent = spec.help;
    // The strip of layers has the split.
    const params = paramsOf(spec).filter(({ flag }) => flag !== SPLIT);
    const sets = GROUPS.map(([title, part]) => {
      const own = params.filter(({ section }) => section === part);
      if (own.length === 0) return null;
      const fields = own.map((param) => fieldFor(app, param));
      stops.push(...fields.map(({ stop }) => stop));
      const set = h(
        "fieldset",
        {},
        h("legend", {}, part === "method" && !hasSplit(spec) ? "Search" : title),
        h(
          "div",
          { class: "fields" },
          fields.map(({ element }) => element),
        ),
      );
      stops.push(
        store.watch(
          (state) => own.some((param) => applies(state, param)),
          (some) => (set.hidden = !some),
        ),
      );
      return set;
    });
    fill(form, sets);
  }
}
