// "Look inside": a lesson in six steps on real values, from the page's dump or, where there is none, from the sample.
// Each step has its link, `#learn=3`. All numbers are the core's; this module only asks and shows.

import { fill, h } from "../dom.js";
import { loadPlot, stylesheet } from "../charts/index.js";
import { curveFigure } from "./curve.js";
import { lessonSource } from "./source.js";
import { fillPicker } from "./picker.js";
import { lossySetting } from "./setting.js";
import { STEPS } from "./steps.js";

/** @import { Lesson } from "../engine/core.js" */
/** @typedef {import("./source.js").Source} Source */
/**
 * What a step draws from.
 * @typedef {object} View
 * @property {Lesson} lesson
 * @property {"k" | "v"} tensor
 * @property {number} token
 * @property {number} head
 * @property {number} first         channel of the first value shown
 * @property {"truncate" | "quant"} method
 * @property {number} bits
 * @property {HTMLElement} curve    all settings as points
 */

const LEVEL = 3;
/** The step with the slider; from it on, values are lossy. */
const LOSSY = 5;

/** The lesson that is open, and where. @type {{ root: Element, go: (step: number) => void } | null} */
let open = null;

/**
 * Shows a step of the lesson in `container`; the lesson is made where the container does not hold it yet.
 * @param {HTMLElement} container
 * @param {{ step: number, inspect: import("./source.js").Inspect, goTo: (step: number) => void, close: () => void }} page
 *   the steps' links are the page's to follow: it is told which step was chosen, and calls again
 */
export async function drawLesson(container, { step, inspect, goTo, close }) {
  await Promise.all([learnStyle(), loadPlot()]);
  if (open && container.contains(open.root)) return open.go(step);
  open = makeLesson(container, inspect, step, (to) => (to === null ? close() : goTo(to)));
}

/** @type {Promise<unknown> | undefined} */
let style;
const learnStyle = () => (style ??= stylesheet(new URL("learn.css", import.meta.url)));

/**
 * @param {HTMLElement} container
 * @param {import("./source.js").Inspect} inspect
 * @param {number} step from 1
 * @param {(step: number | null) => void} onStep null to close
 */
function makeLesson(container, inspect, step, onStep) {
  const at = {
    step,
    capture: 0,
    tensor: /** @type {"k" | "v"} */ ("k"),
    token: 0,
    head: 0,
    first: 0,
    method: /** @type {"truncate" | "quant"} */ ("truncate"),
    bits: 6,
  };
  /** @type {Source | null} */
  let source = null;
  let asking = false;
  let again = false;
  const slider = lossySetting(at, () => void refresh());
  const curve = curveFigure();
  const { root, title, picker, origin, body, steps, back, next } = frame(slider.node, onStep, () => at.step);
  fill(container, root);
  void load();
  return { root, go };

  async function load() {
    fill(body, h("p", { class: "muted" }, "Reading …"));
    try {
      source = await lessonSource(inspect);
      // A layer from the middle: the first ones are unlike the others.
      at.capture = Math.floor((source.captures.length - 1) / 2);
      at.token = Math.min(40, source.captures[at.capture].seqLen - 1);
      at.head = 0;
      at.first = 0;
      origin.textContent = source.sample
        ? "Real values of the sample: SmolLM2-135M, the longest capture of each layer. Add a dump to see your own."
        : "Values of your dump: the longest capture of each layer.";
      fillPicker(picker, source, at, () => void refresh());
      showStep();
    } catch (error) {
      failed(error);
    }
  }

  /** @param {number} to */
  function go(to) {
    at.step = to;
    showStep();
    title.focus({ preventScroll: true });
  }

  function showStep() {
    at.step = Math.min(STEPS.length, Math.max(1, at.step));
    title.textContent = `${at.step}. ${STEPS[at.step - 1].title}`;
    fill(steps, stepLinks(at.step, onStep));
    // It stays where it is while the step below is drawn again: a slider that is moved in the document loses the pointer.
    slider.node.hidden = at.step !== LOSSY;
    back.disabled = at.step === 1;
    next.textContent = at.step < STEPS.length ? `Next: ${STEPS[at.step].name}` : "Close the lesson";
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
    const { inspect, captures } = source;
    const { step, tensor, token, head, first, method, bits } = at;
    const { capture } = captures[at.capture];
    /** @type {import("./curve.js").Ask} */
    const ask = (method, bits) => inspect({ what: "lesson", capture, tensor, token, head, method, bits, level: LEVEL });
    const lesson = await ask(step === LOSSY ? method : "none", bits);
    slider.follow(lesson.layout[2]);
    fill(body, STEPS[step - 1].draw({ lesson, tensor, token, head, first, method, bits, curve: curve.node }));
    if (step === STEPS.length) await curve.draw(`${capture} ${tensor}`, lesson, tensor, ask, () => !again);
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
 */
function frame(setting, onStep, step) {
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
    h("div", { class: "lesson-head" }, h("h2", { id: "lesson-head" }, "Look inside"), close),
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
