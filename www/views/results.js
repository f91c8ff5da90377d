// The result on screen: headline, charts, tables, summary, downloads; and below it the list of runs.
// While a run goes on the last result stays, greyed; where there is none yet, the layers fill up as rows come in.

/** @import { App } from "../app.js" */
/** @import { Explored } from "../engine/core.js" */
/** @import { Outcome } from "../types.js" */
import { byId, fill, h } from "../dom.js";
import { count, plural } from "../format.js";
import { limitOf } from "../explore/limit.js";
import { LayerSums, partialGroups, variantName } from "../figures.js";
import { later } from "../later.js";
import { markdown } from "../markdown.js";
import { isSearch, oneVariant, specOf } from "../settings.js";
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
  const placeholder = h("p", { class: "placeholder" });
  const live = h("div", { class: "live" });
  const shown = h("div", { class: "shown" });
  const list = h("div", { class: "run-list" });
  fill(byId("result-body"), placeholder, live, shown, list);

  store.watch(
    ({ outcomes, running }) => [outcomes.length, running === null, Boolean(running?.soFar)],
    ([length], before) => {
      const { outcomes, running } = store.get();
      const filling = running !== null && (oneVariant(store.get(), running.analysis) || running.soFar !== null);
      placeholder.hidden = outcomes.length > 0 || filling;
      placeholder.textContent = running
        ? isSearch(store.get(), running.analysis)
          ? "The answer above follows layer by layer, and what was measured so far appears here."
          : "Figures appear here when the run is done. Cancel keeps what was measured until then."
        : "Ratios, errors, charts and report files appear here after a run.";
      shown.classList.toggle("stale", running !== null);
      shown.toggleAttribute("inert", running !== null);
      // A new result below the screen's edge comes just into view.
      if (before && length > before[0])
        requestAnimationFrame(() => shown.querySelector(".facts-line")?.scrollIntoView({ block: "nearest" }));
    },
  );
  /** What the list shows. @type {unknown[]} */
  let listed = [];
  function drawList() {
    const { outcomes, shown: id, comparedTo, kept } = store.get();
    const some = outcomes.length > 0 || kept;
    // Other codecs' figures are not in the list.
    const next = [some, id, comparedTo, ...outcomes.flatMap(({ name, settings, report, at }) => [name, settings, report, at])];
    if (next.length === listed.length && next.every((each, i) => each === listed[i])) return;
    listed = next;
    fill(list, some && runList(app, outcomes, id, comparedTo));
  }

  /** @type {ReturnType<typeof outcomeView> | null} */
  let view = null;
  store.watch(
    ({ outcomes, shown: id, comparedTo }) => [outcomes, id, comparedTo],
    () => {
      const { outcomes, shown: id, comparedTo } = store.get();
      const outcome = outcomes.find((each) => each.id === id);
      const other = outcomes.find((each) => each.id === comparedTo);
      // New charts take this much room until they are drawn: what is below does not jump up and down.
      const height = /** @type {HTMLElement | null} */ (shown.querySelector(".charts"))?.offsetHeight;
      if (height) shown.style.setProperty("--charts-height", `${height}px`);
      const holdsFocus = () => shown.contains(document.activeElement) || list.contains(document.activeElement);
      const hadFocus = holdsFocus();
      // The same result with more known of it (a threshold moved, other codecs measured): its charts stay, and the focus in them.
      if (outcome && !other && view?.of(outcome)) view.update(outcome);
      else {
        view = outcome && !other ? outcomeView(app, outcome) : null;
        fill(shown, outcome && other ? compared(app, outcome, other) : view?.nodes);
      }
      drawList();
      // What was pressed is gone with what it stood in: the result that came of it is next.
      if (hadFocus && !holdsFocus()) byId("result").focus({ preventScroll: true });
    },
  );
  store.watch(
    (state) => state.kept,
    (kept) => {
      const box = /** @type {HTMLInputElement | null} */ (list.querySelector("#keep"));
      if (box) box.checked = kept;
      else drawList();
    },
  );

  followSearch(app, live);

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

/** Draws the points that explore has measured so far, where no earlier result stands. @param {App} app @param {HTMLElement} place */
function followSearch(app, place) {
  const { store } = app;
  /** @type {{ explored: Explored, live: import("../charts/front.js").Live } | null} */
  let going = null;
  store.watch(
    ({ running, outcomes, values }) => [running?.soFar, outcomes.length, values],
    () => {
      const { running, outcomes } = store.get();
      const report = running?.soFar;
      if (!report?.explored || outcomes.length > 0) {
        going = null;
        return;
      }
      if (going) {
        Object.assign(going.explored, report.explored);
        going.live.redraw();
        return;
      }
      const explored = { ...report.explored };
      const live = { limit: () => limitOf(store.get(), explored), redraw: () => {} };
      going = { explored, live };
      const charts = h("div", { class: "charts" });
      fill(place, charts);
      void drawCharts(charts, { ...report, explored }, app, -1, live);
    },
  );
}

/** @param {App} app @param {Outcome} now @param {Outcome} other */
const compared = (app, now, other) =>
  later(
    () => import("./two-runs.js"),
    ({ comparison }) => comparison(app, now, other),
  );

/** @param {App} app @param {Outcome} outcome @param {HTMLElement} charts */
const exploreOutcome = (app, outcome, charts) =>
  later(
    () => import("./explored.js"),
    ({ exploredView }) => exploredView(app, outcome, charts),
  );

/**
 * A result's elements; what may change while it is on screen stands in places of its own, so that charts are drawn once.
 * @param {App} app @param {Outcome} first
 */
function outcomeView(app, first) {
  const { report, rows } = first;
  const charts = h("div", { class: "charts", "data-analysis": first.analysis });
  if (report && !report.explored) void drawCharts(charts, report, app, first.id);
  const [head, files, variants, summary] = [h("div"), h("div"), h("div"), h("div")];
  const table = variantTable(app);
  /** @type {Outcome | null} */
  let latest = null;
  /** @param {Outcome} outcome */
  const update = (outcome) => {
    const { report, files: all } = outcome;
    const before = latest;
    latest = outcome;
    fill(head, headline(outcome, specOf(app.store.get(), outcome.analysis)));
    // The rest says nothing of other codecs, but for report.html once it is made: the focus in it stays.
    if (before && before.report === report && before.files === all) return;
    fill(files, report && downloads(all, `kvlens-${outcome.analysis}`, () => reportFile(app, report, latest ?? outcome)));
    fill(variants, table(outcome));
    const text = all.find(({ name }) => name.endsWith(".md") && !name.includes("/"));
    const open = summary.querySelector("details")?.open;
    fill(
      summary,
      text && h("details", { class: "summary", open }, h("summary", {}, text.name), markdown(new TextDecoder().decode(text.bytes))),
    );
  };
  update(first);
  const nodes = [
    !report && h("p", { class: "message note" }, cancelledText(first)),
    head,
    problemList(
      first.problems,
      `${plural(first.problems.length, "capture")} could not be read, and ${first.problems.length === 1 ? "is" : "are"} not in these figures.`,
    ),
    caveatList(app, first.analysis, report?.caveats ?? []),
    files,
    report?.explored ? exploreOutcome(app, first, charts) : [report && charts, variants, layerTables(app, first)],
    summary,
  ];
  return { nodes, update, of: (/** @type {Outcome} */ other) => other.id === first.id && other.rows === rows };
}

/** What a cancelled run has measured, and of how much of that the figures are. @param {Outcome} outcome */
function cancelledText({ rows, captures, capturesTotal }) {
  const figured = new Set(rows.map((row) => row.capture)).size;
  const text = `Cancelled after ${count(captures)} of ${count(capturesTotal)} captures.`;
  return figured === captures ? text : `${text} The figures below are of ${figured > 0 ? plural(figured, "capture") : "none of them"}.`;
}

/** One line for each variant, in the order that the reader chose last. @param {App} app */
function variantTable(app) {
  /** @type {import("./table.js").Memory} */
  const memory = { order: null };
  return (/** @type {Outcome} */ { analysis, report, rows }) => {
    const spec = specOf(app.store.get(), analysis);
    if (spec?.variants !== "many" || report?.explored || (!report && rows.length === 0)) return null;
    return [heading(`By ${spec.variantNoun}`), groupTable(report?.groups ?? partialGroups(rows), "Figures of each variant", memory)];
  };
}

/** @param {App} app @param {Outcome} outcome */
function layerTables(app, outcome) {
  const { rows } = outcome;
  const variants = [...new Set(rows.map((row) => variantName(row.variant)))];
  const spec = specOf(app.store.get(), outcome.analysis);
  const compared = spec?.variants === "many";
  if (rows.length === 0) return null;
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
  return [byRun, heading("By layer", compared ? choice : null), slot];
}

/** @param {string} text @param {HTMLElement | null} [extra] */
const heading = (text, extra = null) => h("div", { class: "table-head" }, h("h3", {}, text), extra);
