// The result on screen: headline, charts, tables, summary, downloads; and below it the list of runs.
// While a run goes on the last result stays, greyed; where there is none yet, the layers fill up as rows come in.

/** @import { App } from "../app.js" */
/** @import { Outcome } from "../types.js" */
import { byId, fill, h } from "../dom.js";
import { count, plural } from "../format.js";
import { LayerSums, variantName } from "../figures.js";
import { later } from "../later.js";
import { markdown } from "../markdown.js";
import { oneVariant, specOf } from "../settings.js";
import { drawCharts, reportFile } from "./charts.js";
import { downloads } from "./downloads.js";
import { runTable } from "./by-run.js";
import { caveatList } from "./caveats.js";
import { headline } from "./headline.js";
import { problemList } from "./problems.js";
import { bestOf, runList } from "./runs.js";
import { groupTable, layerTable } from "./tables.js";

/** While rows come in, the table is drawn at most this often. */
const LIVE_MS = 500;

/** @param {App} app */
export function mountResults(app) {
  const { store } = app;
  const placeholder = h("p", { class: "placeholder" }, "Ratios, errors, charts and report files appear here after a run.");
  const live = h("div", { class: "live" });
  const shown = h("div", { class: "shown" });
  const list = h("div", { class: "run-list" });
  fill(byId("result-body"), placeholder, live, shown, list);

  store.watch(
    ({ outcomes, running }) => [outcomes.length, running === null],
    ([length], before) => {
      const { outcomes, running } = store.get();
      placeholder.hidden = outcomes.length > 0 || running !== null;
      shown.classList.toggle("stale", running !== null);
      shown.toggleAttribute("inert", running !== null);
      // A new result below the screen's edge comes just into view.
      if (before && length > before[0])
        requestAnimationFrame(() => shown.querySelector(".facts-line")?.scrollIntoView({ block: "nearest" }));
    },
  );
  store.watch(
    ({ outcomes, shown: id, comparedTo }) => [outcomes, id, comparedTo],
    () => {
      const { outcomes, shown: id, comparedTo } = store.get();
      const outcome = outcomes.find((each) => each.id === id);
      const other = outcomes.find((each) => each.id === comparedTo);
      // New charts take this much room until they are drawn: what is below does not jump up and down.
      const height = /** @type {HTMLElement | null} */ (shown.querySelector(".charts"))?.offsetHeight;
      if (height) shown.style.setProperty("--charts-height", `${height}px`);
      const hadFocus = shown.contains(document.activeElement) || list.contains(document.activeElement);
      fill(shown, outcome && (other ? twoOutcomes(app, outcome, other) : outcomeView(app, outcome)));
      fill(list, (outcomes.length > 0 || store.get().kept) && runList(app, outcomes, id, comparedTo));
      // What was pressed is gone with what it stood in: the result that came of it is next.
      if (hadFocus) byId("result").focus({ preventScroll: true });
    },
  );

  let sums = new LayerSums();
  let added = 0;
  let drawn = 0;
  store.watch(
    (state) => state.running,
    (running) => {
      if (!running || store.get().outcomes.length > 0) {
        if (live.childElementCount > 0) fill(live);
        sums = new LayerSums();
        added = 0;
        return;
      }
      const now = performance.now();
      if (!oneVariant(store.get(), running.analysis)) return;
      if (running.rows.length === added || now - drawn < LIVE_MS) return;
      sums.add(running.rows.slice(added));
      added = running.rows.length;
      drawn = now;
      fill(live, h("p", { class: "muted" }, "So far:"), layerTable(sums.list, "Layers measured so far"));
    },
  );
}

/** @param {App} app @param {Outcome} outcome @param {Outcome} other */
const twoOutcomes = (app, outcome, other) =>
  later(
    () => import("./two-runs.js"),
    ({ comparison }) => comparison(app, outcome, other),
  );

/** @param {App} app @param {Outcome} outcome @param {HTMLElement} charts */
const exploreOutcome = (app, outcome, charts) =>
  later(
    () => import("./explored.js"),
    ({ exploredView }) => exploredView(app, outcome, charts),
  );

/** @param {App} app @param {Outcome} outcome */
function outcomeView(app, outcome) {
  const { report, rows, files, captures, capturesTotal } = outcome;
  const charts = h("div", { class: "charts", "data-analysis": outcome.analysis });
  if (report && !report.explored) void drawCharts(charts, report, app);
  const summary = files.find(({ name }) => name.endsWith(".md") && !name.includes("/"));
  return [
    !report &&
      h(
        "p",
        { class: "message note" },
        `Cancelled after ${count(captures)} of ${count(capturesTotal)} captures.${rows.length > 0 ? ` The table has the first ${count(new Set(rows.map((row) => row.capture)).size)}.` : ""}`,
      ),
    headline(outcome, specOf(app.store.get(), outcome.analysis)),
    problemList(
      outcome.problems,
      `${plural(outcome.problems.length, "capture")} could not be read, and ${outcome.problems.length === 1 ? "is" : "are"} not in these figures.`,
    ),
    caveatList(app, outcome),
    report && downloads(files, `kvlens-${outcome.analysis}`, () => reportFile(app, report, outcome)),
    report?.explored ? exploreOutcome(app, outcome, charts) : [report && charts, tables(app, outcome)],
    summary && h("details", { class: "summary" }, h("summary", {}, summary.name), markdown(new TextDecoder().decode(summary.bytes))),
  ];
}

/** @param {App} app @param {Outcome} outcome */
function tables(app, outcome) {
  const { report, rows } = outcome;
  const variants = [...new Set(rows.map((row) => variantName(row.variant)))];
  const spec = specOf(app.store.get(), outcome.analysis);
  const compared = spec?.variants === "many";
  const perVariant = compared && report ? [heading(`By ${spec.variantNoun}`), groupTable(report.groups, "Figures of each variant")] : [];
  if (rows.length === 0) return perVariant;
  const slot = h("div");
  const byRun = h("div");
  /** @param {string} [variant] */
  const draw = (variant) => {
    fill(slot, layerTable(new LayerSums().add(rows, variant).list, `Figures of each layer${variant ? `, ${variant}` : ""}`));
    if (outcome.runOf.length > 0) fill(byRun, heading("By run"), runTable(outcome, variant));
  };
  const choice = h(
    "select",
    { "aria-label": "Method of the table by layer", on: { change: () => draw(choice.value) } },
    variants.map((name) => h("option", {}, name)),
  );
  const best = bestOf(outcome);
  if (compared) choice.value = best ? variantName(best.variant) : variants[0];
  draw(compared ? choice.value : undefined);
  return [...perVariant, byRun, heading("By layer", compared ? choice : null), slot];
}

/** @param {string} text @param {HTMLElement | null} [extra] */
const heading = (text, extra = null) => h("div", { class: "table-head" }, h("h3", {}, text), extra);
