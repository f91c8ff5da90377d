// What is in the dump, below where one comes in: a line for each run, the problems, and the pictures on demand.

/** @import { App } from "../app.js" */
/** @import { DumpSummary, RunSummary } from "../engine/core.js" */
/** @import { State } from "../types.js" */
import { byId, fill, h } from "../dom.js";
import { bytesElement, count, plural } from "../format.js";
import { caveatList } from "./caveats.js";
import { dropZone, offerBox } from "./drop.js";
import { failureBox } from "./failure.js";
import { gettingPanel } from "./getting.js";
import { picturesPanel } from "./pictures.js";
import { problemList } from "./problems.js";
import { later } from "../later.js";
import { inWords } from "../words.js";

/** Files with a word about them; the rest are counted. */
const MAX_NOTES = 20;

/** @param {App} app */
export function mountDump(app) {
  const { store } = app;
  const about = h(
    "p",
    { class: "about muted" },
    "A KV dump is what a language model keeps of past tokens: keys and values for each layer, written to files. kvlens opens what transformers, vLLM, llama.cpp, mlx-lm and MNN write, and archives of it, and tells how many bytes are left at which error. The sample is a real one: 9 layers of SmolLM2-135M (",
    h("a", { href: "sample/README.txt", target: "_blank" }, "where it comes from"),
    ").",
  );
  const failure = h("div", { role: "alert" });
  const runs = h("ul", { class: "runs" });
  const leftOut = h("ul", { class: "left-out" });
  const problems = h("div");
  const caveats = h("div");
  const offer = offerBox(app);
  fill(
    byId("dump-body"),
    dropZone(app),
    about,
    gettingPanel(),
    offer,
    failure,
    runs,
    leftOut,
    problems,
    caveats,
    later(
      () => import("./mapping.js"),
      ({ mappingPanel }) => mappingPanel(app),
    ),
    picturesPanel(app),
    later(
      () => import("./convert.js"),
      ({ convertPanel }) => convertPanel(app),
    ),
  );

  store.watch(
    (state) => state.dumpFailure,
    (what) => fill(failure, what && failureBox(what)),
  );
  store.watch(
    (state) => state.dump,
    (dump) => {
      about.hidden = dump !== null && dump.runs.length + dump.guesses.length > 0;
      fill(runs, dump?.runs.map((run) => runLine(run, () => void remove(run.run))) ?? []);
      fill(problems, dump && dumpProblems(store.get(), dump), dump && noteList(dump));
    },
  );
  // Known from a few captures, before any run. The result on screen says them itself.
  store.watch(
    ({ estimate, shown }) => [estimate?.report.caveats, shown],
    () => {
      const { estimate, shown } = store.get();
      fill(caveats, estimate && shown === null && caveatList(app, estimate.analysis, estimate.report.caveats));
    },
  );
  store.watch(
    (state) => state.leftOut,
    (all) => fill(leftOut, all.map(leftOutLine)),
  );

  /** The button that undoes it takes the focus over. @param {string} run */
  async function remove(run) {
    await app.removeRun(run);
    /** @type {HTMLElement | null} */ (leftOut.querySelector("li:last-child button"))?.focus();
  }

  /** @param {RunSummary} run */
  function leftOutLine({ run, captures }) {
    const name = run || "Files without a folder";
    const restore = async () => {
      await app.restoreRun(run);
      byId("dump").focus({ preventScroll: true });
    };
    return h(
      "li",
      {},
      h("p", { class: "facts muted" }, h("span", { class: "fact" }, name), fact(`${plural(captures, "capture")} left out`)),
      h("button", { type: "button", class: "quiet", "aria-label": `Take ${name} in again`, on: { click: restore } }, "Take in again"),
    );
  }
}

/** @param {RunSummary} run @param {() => void} remove */
function runLine(run, remove) {
  // In the order in which a model goes through them.
  const inOrder = [...run.stages].sort((a, b) => Number(b.stage === "prefill") - Number(a.stage === "prefill"));
  const stages = inOrder.map(({ stage, captures }) => `${count(captures)} ${stage}`).join(", ");
  const lengths = run.shapes.map(({ seqLen }) => seqLen);
  const [least, greatest] = [Math.min(...lengths), Math.max(...lengths)];
  const shapes = [...new Set(run.shapes.map(shapeText))];
  const more = shapes.length > 2 ? ` and ${plural(shapes.length - 2, "more shape")}` : "";
  const name = run.run || "Files without a folder";
  return h(
    "li",
    {},
    h(
      "p",
      { class: "facts" },
      h("strong", {}, name),
      fact(plural(run.layers.length, "layer"), `Layers ${run.layers.map((layer) => layer.layerId).join(", ")}`),
      fact(shapes.slice(0, 2).join(" and ") + more, shapes.join("\n")),
      fact(
        run.dtypes.map(({ dtype }) => dtype).join(", "),
        run.dtypes.map(({ dtype, captures }) => `${dtype}: ${plural(captures, "capture")}`).join("\n"),
      ),
      fact(`${plural(run.captures, "capture")} (${stages})`),
      fact(least === greatest ? plural(least, "token") : `${count(least)} to ${count(greatest)} tokens each`),
      h("span", { class: "fact" }, bytesElement(run.bytes)),
    ),
    h("button", { type: "button", class: "quiet square", "aria-label": `Remove ${name}`, title: "Remove", on: { click: remove } }, "×"),
  );
}

/** V's size is told where it is not K's. @param {RunSummary["shapes"][number]} shape */
function shapeText({ kvHeads, headDim, vKvHeads, vHeadDim }) {
  const ofK = `${plural(kvHeads, "KV head")} × ${headDim}`;
  return !vKvHeads && !vHeadDim ? ofK : `${ofK} (V ${vKvHeads ?? kvHeads} × ${vHeadDim ?? headDim})`;
}

/** @param {string} text @param {string} [title] */
const fact = (text, title) => h("span", { class: "fact", title }, text);

/** @param {State} state @param {DumpSummary} dump */
function dumpProblems(state, { problems: all, captures, guesses }) {
  // A file that is asked about has its form.
  const asked = new Set((guesses ?? []).filter(({ asks }) => asks.length > 0).flatMap(({ files }) => files));
  const problems = all.filter(({ file }) => !asked.has(file)).map((problem) => ({ ...problem, message: inWords(state, problem.message) }));
  const rest = captures > 0 ? " The rest is analysed." : asked.size > 0 ? "" : " Nothing else is there to analyse.";
  return problemList(problems, `${plural(problems.length, "file")} left out.${rest}`);
}

/** What to know about files that are read all the same, and how many are not read at all. @param {DumpSummary} dump */
function noteList({ notes, others: all, problems }) {
  // What was dropped by itself is a problem, and told there.
  const others = all.filter(({ count, example }) => count > 1 || !problems.some(({ file }) => file === example));
  if (notes.length + others.length === 0) return null;
  return h(
    "ul",
    { class: "notes small" },
    notes.slice(0, MAX_NOTES).map(({ file, text }) => h("li", {}, h("code", {}, file), `: ${text}`)),
    notes.length > MAX_NOTES && h("li", {}, `and ${plural(notes.length - MAX_NOTES, "more note")}`),
    others.length > 0 &&
      h(
        "li",
        {},
        `Not read (not a dump format): ${others.slice(0, MAX_NOTES).map(otherFiles).join(", ")}${others.length > MAX_NOTES ? ", …" : ""}`,
      ),
  );
}

/** @param {DumpSummary["others"][number]} files */
const otherFiles = ({ ending, count: of, example }) => (of === 1 ? example : `${count(of)} files ${ending || "without an ending"}`);
