// "Look inside": a lesson in seven steps on real values, from the page's dump or, where there is none, from the sample.
// Each step has its link, `#learn=3`, which also holds the values looked at. All numbers are the core's; this module only asks and shows.

import { fill, h } from "../dom.js";
import { loadPlot, stylesheet } from "../charts/index.js";
import { copyButton } from "../views/copy.js";
import { save } from "../save.js";
import { curveFigure } from "./curve.js";
import { handout } from "./handout.js";
import { placeOf, textsOf } from "./place.js";
import { exercise, prediction, verdict } from "./questions.js";
import { lessonSource } from "./source.js";
import { fillPicker } from "./picker.js";
import { lossySetting } from "./setting.js";
import { STEPS } from "./steps.js";
import { LOSSY, viewOf } from "./view.js";

/** @typedef {import("./source.js").Source} Source */
/**
 * What the page tells the lesson and hears of it.
 * @typedef {object} Page
 * @property {number} step                           from 1
 * @property {Record<string, string>} place          what the link says of the values to show
 * @property {unknown} dump                          the page's; another one is read anew
 * @property {import("./source.js").Inspect} inspect
 * @property {() => boolean} isSample  whether the page's dump is the sample
 * @property {() => string} linkHere
 * @property {(place: Record<string, string>) => void} placed
 * @property {(step: number) => void} goTo           the steps' links are the page's to follow: it calls again
 * @property {() => void} close
 */

/** The lesson that is open, and where. @type {{ root: Element, go: (page: Page) => void } | null} */
let open = null;

/**
 * Shows a step of the lesson in `container`; the lesson is made where the container does not hold it yet.
 * @param {HTMLElement} container @param {Page} page
 */
export async function drawLesson(container, page) {
  await Promise.all([learnStyle(), loadPlot()]);
  if (open && container.contains(open.root)) return open.go(page);
  open = makeLesson(container, page);
}

/** @type {Promise<unknown> | undefined} */
let style;
const learnStyle = () => (style ??= stylesheet(new URL("learn.css", import.meta.url)));

/** @param {HTMLElement} container @param {Page} page */
function makeLesson(container, { step, place, dump, inspect, isSample, linkHere, placed, goTo, close }) {
  /** @type {import("./place.js").Place & { step: number }} */
  const at = { step, capture: 0, tensor: "k", token: 0, head: 0, first: 0, method: "truncate", bits: 6 };
  /** What the reader expects of each step, by its place among the answers. @type {Map<number, number>} */
  const predicted = new Map();
  /** What a link wants, until there are values. */
  let wanted = place;
  /** @type {Source | null} */
  let source = null;
  let asking = false;
  let again = false;
  let solved = false;
  const changed = () => {
    if (source) placed(textsOf(at, source.captures));
    void refresh();
  };
  const slider = lossySetting(at, changed);
  const curve = curveFigure();
  const onStep = (/** @type {number | null} */ to) => (to === null ? close() : goTo(to));
  const print = h("button", { type: "button", class: "quiet", on: { click: () => void saveHandout() } }, "Handout to print");
  const { root, title, picker, origin, body, steps, back, next } = frame(slider.node, onStep, () => at.step, [
    copyButton("Copy link to this", "link", linkHere),
    print,
  ]);
  fill(container, root);
  void load();
  return { root, go };

  async function load() {
    fill(body, h("p", { class: "muted" }, "Reading …"));
    try {
      const asked = dump;
      const found = await lessonSource(inspect, isSample());
      // Where the dump has changed meanwhile, what is read next counts.
      if (asked !== dump) return;
      const before = source ? textsOf(at, source.captures) : null;
      source = found;
      settle(before ?? wanted);
      if (before) placed(textsOf(at, source.captures));
      origin.textContent = source.sample
        ? "Real values of the sample: SmolLM2-135M, the longest capture of each layer. Add a dump to see your own."
        : "Values of your dump: the longest capture of each layer.";
      showStep();
    } catch (error) {
      failed(error);
    }
  }

  /** @param {Record<string, string>} texts of a link */
  function settle(texts) {
    if (!source) return;
    Object.assign(at, placeOf(texts, source.captures));
    slider.sync();
    fillPicker(picker, source, at, changed);
  }

  /** @param {Page} page */
  function go({ step: to, place: texts, dump: now }) {
    if (now !== dump) {
      dump = now;
      void load();
    }
    if (!source) wanted = texts;
    const elsewhere = source && Object.keys(texts).length > 0 && JSON.stringify(texts) !== JSON.stringify(textsOf(at, source.captures));
    if (elsewhere) settle(texts);
    if (to === at.step) return elsewhere ? void refresh() : undefined;
    at.step = to;
    showStep();
    title.focus({ preventScroll: true });
  }

  function showStep() {
    at.step = Math.min(STEPS.length, Math.max(1, at.step));
    title.textContent = `${at.step}. ${STEPS[at.step - 1].title}`;
    fill(steps, stepLinks(at.step, onStep));
    back.disabled = at.step === 1;
    next.textContent = at.step < STEPS.length ? `Next: ${STEPS[at.step].name}` : "Close the lesson";
    solved = false;
    fill(body);
    void refresh();
  }

  /** Asks the core for what the step shows. While an answer is under way further changes wait, and only the last of them is asked for. */
  async function refresh() {
    again = true;
    if (asking) return;
    asking = true;
    while (again) {
      again = false;
      await showOnce().catch(failed);
    }
    asking = false;
  }

  async function showOnce() {
    if (!source) return;
    const { step } = at;
    const guess = predicted.get(step);
    // It stays where it is while the step below is drawn again: a slider that is moved in the document loses the pointer.
    slider.node.hidden = step !== LOSSY || guess === undefined;
    if (guess === undefined) {
      fill(
        body,
        prediction(STEPS[step - 1], (chosen) => predict(step, chosen)),
      );
      return;
    }
    if (step === LOSSY + 1 && body.childElementCount === 0) fill(body, h("p", { class: "muted" }, "Measuring 16 settings …"));
    const view = await viewOf(source, at, step, curve, () => !again);
    if (!view || at.step !== step) return;
    slider.follow(view.lesson.layout[2]);
    const task = exercise(STEPS[step - 1], view, solved);
    task.addEventListener("toggle", () => (solved = task.open));
    fill(body, verdict(STEPS[step - 1], view, guess), STEPS[step - 1].draw(view), task);
  }

  /** @param {number} step @param {number} chosen */
  function predict(step, chosen) {
    predicted.set(step, chosen);
    fill(body);
    void refresh().then(() => /** @type {HTMLElement | null} */ (body.querySelector(".verdict"))?.focus({ preventScroll: true }));
  }

  async function saveHandout() {
    if (!source) return;
    print.disabled = true;
    print.textContent = "Making the handout …";
    try {
      save(await handout(source, at, curve), "kvlens-handout.html");
    } catch (error) {
      failed(error);
    }
    print.disabled = false;
    print.textContent = "Handout to print";
  }

  /** @param {unknown} error */
  function failed(error) {
    fill(
      body,
      h("p", { role: "alert" }, `${error instanceof Error ? error.message : error}`),
      h("button", { type: "button", on: { click: () => void load() } }, "Try again"),
    );
  }
}

/**
 * The lesson's elements, still empty.
 * @param {HTMLElement} setting
 * @param {(step: number | null) => void} onStep null to close
 * @param {() => number} step that is shown
 * @param {HTMLElement[]} tools
 */
function frame(setting, onStep, step, tools) {
  const title = h("h3", { id: "lesson-title", tabindex: "-1" });
  /** @param {Event} event */
  const submit = (event) => event.preventDefault();
  const picker = h("form", { class: "pick", "aria-label": "Which values", on: { submit } });
  const origin = h("p", { class: "small muted" });
  const body = h("div", { class: "step", "aria-live": "off" });
  const steps = h("ol", { class: "steps" });
  const back = h("button", { type: "button", on: { click: () => onStep(step() - 1) } }, "Back");
  const next = h("button", { type: "button", on: { click: () => onStep(step() < STEPS.length ? step() + 1 : null) } });
  const close = h("button", { type: "button", class: "quiet", on: { click: () => onStep(null) } }, "Close");
  const root = h(
    "section",
    { class: "lesson", "aria-labelledby": "lesson-head" },
    h("div", { class: "lesson-head" }, h("h2", { id: "lesson-head" }, "Look inside"), h("div", { class: "buttons" }, tools, close)),
    h("nav", { "aria-label": "Steps" }, steps),
    title,
    picker,
    origin,
    setting,
    body,
    h("div", { class: "buttons" }, back, next),
  );
  return { root, title, picker, origin, body, steps, back, next };
}

/** @param {number} current @param {(step: number) => void} onStep */
const stepLinks = (current, onStep) =>
  STEPS.map(({ name }, i) => {
    /** @param {Event} event */
    const click = (event) => {
      event.preventDefault();
      onStep(i + 1);
    };
    const link = { href: `#learn=${i + 1}`, "aria-current": current === i + 1 ? "step" : false, on: { click } };
    return h("li", {}, h("a", link, `${i + 1}`, h("span", { class: "step-name" }, ` ${name}`)));
  });
