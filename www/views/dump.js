// What is in the dump: ways to bring one in, a line for each run, the problems, and the pictures on demand.

/** @import { App } from "../app.js" */
/** @import { DumpSummary, FormatInfo, RunSummary } from "../engine/core.js" */
/** @import { State } from "../types.js" */
import { byId, fill, h } from "../dom.js";
import { chosenFiles } from "../files.js";
import { bytesElement, count, plural, size } from "../format.js";
import { caveatList } from "./caveats.js";
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
  const folderInput = fileInput("choose-folder", { webkitdirectory: true, "aria-label": "Folder of a dump" });
  const filesInput = fileInput("choose-files", { multiple: true, "aria-label": "Files of a dump" });
  const title = h("p", { class: "drop-title" });
  const status = h("p", { class: "drop-status small muted" });
  // Only start and end are read aloud.
  const said = h("p", { class: "visually-hidden", role: "status" });
  const sample = button("Try the sample", () => void app.trySample(), "try-sample");
  const drop = h(
    "div",
    { class: "drop" },
    h("div", { class: "drop-text" }, title, status, said),
    h(
      "div",
      { class: "buttons" },
      button("Choose folder", () => folderInput.click()),
      button("Choose files", () => filesInput.click()),
      sample,
    ),
    folderInput,
    filesInput,
  );
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
  const offer = h("div");
  fill(
    byId("dump-body"),
    drop,
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
    ({ dump, reading, formats }) => [dump, reading, formats],
    () => {
      const { dump, reading, formats } = store.get();
      const empty = !dump || (dump.runs.length === 0 && dump.guesses.length === 0);
      drop.classList.toggle("large", empty);
      if (reading === null) drop.removeAttribute("aria-busy");
      else drop.setAttribute("aria-busy", "true");
      title.textContent = empty ? "Drop a KV dump here" : "Drop more to add";
      status.textContent = reading
        ? `${reading} …`
        : empty
          ? `A folder, several folders, or files: ${["captures", ...formats.filter(({ is_archive }) => !is_archive).flatMap((format) => endings([format])[0] ?? [])].join(", ")}, and archives of them`
          : "";
      status.title = empty && formats.length > 0 ? `All endings: ${[...new Set(endings(formats))].join(", ")}` : "";
      about.hidden = !empty;
      sample.setAttribute("aria-disabled", String(reading !== null));
      const left = !empty && document.activeElement === sample;
      sample.hidden = !empty;
      // A button that goes away takes the focus with it.
      if (left) byId("dump").focus({ preventScroll: true });
    },
  );
  store.watch(
    (state) => state.reading !== null,
    (reading, before) => {
      if (before === undefined) return;
      const { dump, dumpFailure } = store.get();
      // What went wrong is an alert of its own.
      if (reading) said.textContent = "Reading files …";
      else said.textContent = dumpFailure ? "" : `The dump has ${plural(dump?.captures ?? 0, "capture")} now.`;
    },
  );
  store.watch(
    (state) => state.offer,
    (what) =>
      fill(
        offer,
        what &&
          h(
            "div",
            { class: "message note" },
            h("p", { class: "what" }, `The link names a dump of ${size(what.bytes)}: ${what.url.pathname}`),
            h(
              "div",
              { class: "buttons" },
              button("Open it", () => void app.openBeside(true)),
              button("Leave it", () => store.set({ offer: null })),
            ),
          ),
      ),
  );
  store.watch(
    (state) => state.dumpFailure,
    (what) => fill(failure, what && failureBox(what)),
  );
  store.watch(
    (state) => state.dump,
    (dump) => {
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

  /** @param {string} id @param {Record<string, any>} props */
  function fileInput(id, props) {
    const input = h("input", {
      type: "file",
      id,
      hidden: true,
      ...props,
      on: {
        change: () => {
          void app.add(chosenFiles(input.files ?? []));
          // The same choice again is a change too.
          input.value = "";
        },
      },
    });
    return input;
  }
  listenToDrops(app, drop);
}

/** @param {string} text @param {() => void} click @param {string} [id] */
const button = (text, click, id) => h("button", { type: "button", id, class: id ? "primary" : false, on: { click } }, text);

/** Files may be dropped anywhere on the page, and pasted. @param {App} app @param {HTMLElement} zone */
function listenToDrops(app, zone) {
  let depth = 0;
  /** @param {DragEvent} event */
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files") ?? false;
  /** @param {number} next */
  const over = (next) => {
    depth = Math.max(0, next);
    zone.classList.toggle("over", depth > 0);
  };
  addEventListener("dragenter", (event) => hasFiles(event) && over(depth + 1));
  addEventListener("dragleave", (event) => hasFiles(event) && over(depth - 1));
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("drop", (event) => {
    if (!event.dataTransfer || !hasFiles(event)) return;
    event.preventDefault();
    over(0);
    void app.addTransferred(event.dataTransfer);
  });
  addEventListener("paste", (event) => {
    if (!event.clipboardData?.types.includes("Files")) return;
    event.preventDefault();
    void app.addTransferred(event.clipboardData);
  });
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
        `Not read, being of other kinds: ${others.slice(0, MAX_NOTES).map(otherFiles).join(", ")}${others.length > MAX_NOTES ? ", …" : ""}`,
      ),
  );
}

/** @param {DumpSummary["others"][number]} files */
const otherFiles = ({ ending, count: of, example }) => (of === 1 ? example : `${count(of)} files ${ending || "without an ending"}`);

/** Of what opens, all that a name's ending tells. @param {FormatInfo[]} formats */
const endings = (formats) => formats.flatMap(({ names }) => names.filter((name) => name.startsWith("*.")).map((name) => name.slice(1)));
