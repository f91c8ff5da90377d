// Explore's answer, in the place where the other analyses have their split: what the cache takes now and at least, within a limit that
// a slider moves. Nothing runs anew for it. And the same in one line below the dump, which leads here.

/** @import { App } from "../app.js" */
/** @import { Engine } from "../engine/core.js" */
/** @import { Answer } from "../explore/search.js" */
/** @import { State } from "../types.js" */
import { byId, fill, h } from "../dom.js";
import { count, error, plural, size, tied } from "../format.js";
import { isSearch, searchOf } from "../settings.js";
import { KINDS, STEPS, limitOf, limitText, placeOf, reasonOf, textAt } from "../explore/limit.js";
import { ENGINES } from "../explore/engines.js";
import { answers, isOwn, stepOf } from "../explore/search.js";
import { knownOf } from "../explore/source.js";
import { said } from "../explore/words.js";
import { answerRow } from "./answer-row.js";
import { packing } from "./packed.js";

/** @typedef {import("../explore/source.js").Known} Known */

/** @param {App} app */
export function mountAnswer(app) {
  const { store } = app;
  const now = h("p", { class: "answer-now" });
  const slider = h("input", { type: "range", id: "limit-slider", min: 0, max: STEPS, step: 1, on: { input: move } });
  const name = h("label", { for: "limit-slider" });
  const text = h("output", { for: "limit-slider", class: "limit-text" });
  const reason = h("p", { class: "help", id: "limit-reason" });
  slider.setAttribute("aria-describedby", "limit-reason");
  const serve = h(
    "select",
    { id: "serve", on: { change: () => store.set({ serve: /** @type {Engine} */ (serve.value) }) } },
    ENGINES.map((engine) => h("option", {}, engine)),
  );
  const controls = h(
    "div",
    { class: "answer-controls" },
    h("div", { class: "limit" }, h("p", { class: "limit-head" }, name, text), slider, reason),
    h("div", { class: "serve" }, h("label", { for: "serve" }, "Engine"), serve),
  );
  const rows = h("ul", { class: "answers" });
  const coder = h(
    "p",
    { class: "small muted" },
    "tkc is kvlens’s own coder: it undoes RoPE, turns the channels onto their principal axes, rounds them to steps of c, and entropy-codes the result.",
  );
  const origin = h("p", { class: "small muted" });
  const pack = packing(app);
  const whole = h("div", {}, now, controls, rows, pack.element, origin, coder);
  const placeholder = h("p", { class: "placeholder" });
  fill(byId("answer-body"), placeholder, whole);
  mountLine(app);

  store.watch(
    ({ specs, analysis }) => isSearch({ specs, analysis }),
    (here) => (byId("answer").hidden = !here),
  );
  store.watch(
    ({ analysis, specs, values, outcomes, shown, running, glimpse, dump, serve: engine }) =>
      isSearch({ specs, analysis }) ? [specs, values, outcomes, shown, running?.soFar, glimpse, dump, engine] : [null],
    draw,
  );

  function move() {
    const known = knownOf(store.get());
    if (!known) return;
    const { kind } = limitOf(store.get(), known.explored);
    app.setValue(KINDS[kind].flag, textAt(kind, Number(slider.value)));
  }

  function draw() {
    const state = store.get();
    if (!isSearch(state)) return;
    const known = knownOf(state);
    const some = known !== null && isMeasured(known);
    placeholder.hidden = some;
    whole.hidden = !some;
    placeholder.textContent = known
      ? "No layer could be measured: the result lists what was left out, and why."
      : state.dump?.captures
        ? `How small this cache gets appears here in a moment${state.running ? "" : "; Run measures all of it"}.`
        : "How small a cache gets within an error that you choose appears here once a dump is in.";
    if (!some) return;
    const { explored } = known;
    const limit = limitOf(state, explored);
    fill(now, h("strong", {}, `${contextText(known)}.`), " Within the limit it can be:");
    name.textContent = `${KINDS[limit.kind].name} `;
    text.textContent = limitText(limit, explored);
    slider.setAttribute("aria-valuetext", text.textContent);
    const place = String(placeOf(limit));
    if (slider.value !== place && document.activeElement !== slider) slider.value = place;
    reason.textContent = reasonOf(state, limit.kind);
    serve.value = state.serve;
    const found = answers(explored, limit).filter(({ engine }) => engine === null || engine === state.serve);
    const held = focusIn(rows);
    fill(
      rows,
      ordered(found, state.serve).map((answer) => answerRow(app, answer, explored, pack.buttonOf(answer))),
      missing(found, state.serve),
    );
    held?.();
    pack.show(explored);
    coder.hidden = !found.some(({ k, v }) => stepOf(k) !== null || stepOf(v) !== null);
    origin.textContent = originText(known, isOwn(explored, limit));
  }
}

/** A run may have had to leave every layer out. @param {Known} known */
const isMeasured = ({ explored }) => explored.points.length > 0;

/** Where the focus is among these rows; calling what it gives puts it there again, once they are drawn anew. @param {HTMLElement} rows */
function focusIn(rows) {
  const on = document.activeElement;
  const row = on && rows.contains(on) ? /** @type {HTMLElement | null} */ (on.closest("[data-answer]")) : null;
  if (!on || !row) return null;
  const place = [...row.querySelectorAll("button")].indexOf(/** @type {HTMLButtonElement} */ (on));
  return () => rows.querySelector(`[data-answer="${row.dataset.answer}"]`)?.querySelectorAll("button")[place]?.focus();
}

/** The engine's first, then what is stored, and the rest. @param {Answer[]} found @param {Engine} serve */
function ordered(found, serve) {
  const order = [serve, "stored", "lossless", "packed", "reference"];
  return [...found].sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
}

/** @param {Answer[]} found @param {Engine} serve */
const missing = (found, serve) => [
  !found.some(({ engine }) => engine === serve) && h("li", { class: "muted" }, `No format of ${serve} stays within this limit.`),
  found.some(({ id }) => id === "lossless") &&
    !found.some(({ id }) => id === "stored") &&
    h("li", { class: "muted" }, "Within this limit no coded scheme of kvlens takes less than lossless."),
];

/** @param {Known} known @param {boolean} own */
function originText({ from, layers }, own) {
  if (from === "glimpse")
    return `~ estimated from ${plural(layers, "layer")} and a few queries. Run measures every scheme on every layer, and writes and reads back what it chooses.`;
  if (from === "running") return `~ after ${plural(layers, "layer")} so far.`;
  if (own) return "Measured on every layer; what is stored was written and read back.";
  return "~ estimated from the measured schemes. Run looks at this limit with more queries, and writes and reads back what it chooses.";
}

/** The answer in one line, below the dump. @param {App} app */
function mountLine(app) {
  const { store } = app;
  const line = h("p", { class: "glimpse", hidden: true });
  byId("dump-body").append(line);
  store.watch(
    ({ specs, values, outcomes, running, writing, glimpse, noGlimpse, dump, serve, analysis }) => [
      specs,
      values,
      outcomes,
      running?.soFar,
      running !== null || writing,
      glimpse,
      noGlimpse,
      dump,
      serve,
      analysis,
    ],
    () => {
      const state = store.get();
      const known = state.dump?.captures ? knownOf(state) : null;
      // In Explore itself the whole answer stands below.
      line.hidden = !state.dump?.captures || !searchOf(state.specs) || isSearch(state);
      if (line.hidden) return;
      fill(
        line,
        known && isMeasured(known)
          ? lineText(known, state.serve, app)
          : h("span", { class: "muted" }, known || !isLookedAt(state) ? "How small can it get?" : "Estimating how small it can get …"),
        " ",
        leads(app),
      );
    },
  );
}

/** A run goes first, and so does a file. @param {State} state */
const isLookedAt = ({ noGlimpse, running, writing }) => !noGlimpse && !running && !writing;

/** What the context takes as it is: of a part of a dump whose layers differ an estimate, too. @param {Known} known */
const contextText = ({ explored, isExact }) =>
  `${count(explored.contextLength)} tokens: ${isExact ? "" : "~"}${size(explored.contextBytes)} now`;

/** @param {Known} known @param {Engine} serve @param {App} app */
function lineText(known, serve, app) {
  const { explored } = known;
  const limit = limitOf(app.store.get(), explored);
  const found = answers(explored, limit);
  /** @param {string} id @param {string} words */
  const part = (id, words) => {
    const answer = found.find((each) => each.id === id);
    return answer && `${said(answer, size(answer.contextBytes))} ${words}`;
  };
  const parts = [part(serve, `as ${serve} can store it`), part("stored", "stored by kvlens"), part("lossless", "lossless")].filter(Boolean);
  const within =
    limit.kind === "attention"
      ? `estimated KL ${error(limit.value * explored.klByAttentionError)}`
      : `${KINDS[limit.kind].name.toLowerCase()} ${limit.value}`;
  return h("span", {}, h("strong", {}, tied(contextText(known))), tied(`; within ${within}: ${parts.join(", ")}.`));
}

/** @param {App} app */
const leads = (app) =>
  h(
    "button",
    {
      type: "button",
      class: "link",
      on: {
        click: () => {
          const search = searchOf(app.store.get().specs)?.name ?? "";
          app.pick(search);
          byId("answer").scrollIntoView({ block: "nearest" });
          byId(`tab-${search}`).focus({ preventScroll: true });
        },
      },
    },
    "Explore",
  );
