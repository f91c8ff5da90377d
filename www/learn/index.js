// "Look inside": a lesson in six steps on real values, from the page's dump or, where there is none, from the sample.
// Each step has its link, `#learn=3`. All numbers are the core's; this module only asks and shows.

import { fill, h } from "../dom.js";
import { loadPlot, stylesheet } from "../charts/index.js";
import { curveFigure } from "./curve.js";
import { lessonSource } from "./source.js";
import { SHOWN, STEPS } from "./steps.js";

/** @typedef {import("./source.js").Source} Source */
/**
 * What a step draws from.
 * @typedef {object} View
 * @property {any} lesson           as the core gives it
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
 * @param {{ step: number, engine: Promise<import("./source.js").Inspector>, goTo: (step: number) => void, close: () => void }} page
 *   the steps' links are the page's to follow: it is told which step was chosen, and calls again
 */
export async function drawLesson(container, { step, engine, goTo, close }) {
  await Promise.all([learnStyle(), loadPlot()]);
  if (open && container.contains(open.root)) return open.go(step);
  open = makeLesson(container, await engine, step, (to) => (to === null ? close() : goTo(to)));
}

/** @type {Promise<unknown> | undefined} */
let style;
const learnStyle = () => (style ??= stylesheet(new URL("learn.css", import.meta.url)));

/**
 * @param {HTMLElement} container
 * @param {import("./source.js").Inspector} engine
 * @param {number} step from 1
 * @param {(step: number | null) => void} onStep null to close
 */
function makeLesson(container, engine, step, onStep) {
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
  const title = h("h3", { id: "lesson-title", tabindex: "-1" });
  const picker = h("form", {
    class: "pick",
    "aria-label": "Which values",
    on: { submit: (/** @type {Event} */ event) => event.preventDefault() },
  });
  const body = h("div", { class: "step", "aria-live": "off" });
  const origin = h("p", { class: "small muted" });
  const steps = h("ol", { class: "steps" });
  const back = h("button", { type: "button", on: { click: () => onStep(at.step - 1) } }, "Back");
  const next = h("button", { type: "button", on: { click: () => onStep(at.step < STEPS.length ? at.step + 1 : null) } });
  const slider = settings(at, () => void refresh());
  const curve = curveFigure();
  const root = h(
    "section",
    { class: "lesson", "aria-labelledby": "lesson-head" },
    h(
      "div",
      { class: "lesson-head" },
      h("h2", { id: "lesson-head" }, "Look inside"),
      h("button", { type: "button", class: "quiet", on: { click: () => onStep(null) } }, "Close"),
    ),
    h("nav", { "aria-label": "Steps" }, steps),
    title,
    picker,
    origin,
    slider.node,
    body,
    h("div", { class: "buttons" }, back, next),
  );
  fill(container, root);
  void load();
  return { root, go };

  async function load() {
    fill(body, h("p", { class: "muted" }, "Reading …"));
    try {
      source = await lessonSource(engine);
      // A layer from the middle: the first ones are unlike the others.
      at.capture = Math.floor((source.captures.length - 1) / 2);
      at.token = Math.min(40, source.captures[at.capture].seqLen - 1);
      at.head = 0;
      at.first = 0;
      fillPicker(source);
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
    fill(
      steps,
      STEPS.map((each, i) =>
        h(
          "li",
          {},
          h(
            "a",
            {
              href: `#learn=${i + 1}`,
              "aria-current": at.step === i + 1 ? "step" : false,
              on: { click: (/** @type {Event} */ event) => (event.preventDefault(), onStep(i + 1)) },
            },
            `${i + 1}`,
            h("span", { class: "step-name" }, ` ${each.name}`),
          ),
        ),
      ),
    );
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
    const { engine, captures } = source;
    const { step, tensor, token, head, first, method, bits } = at;
    const { capture } = captures[at.capture];
    const ask = (/** @type {string} */ method, /** @type {number} */ bits) =>
      engine.inspect({ what: "lesson", capture, tensor, token, head, method, bits, level: LEVEL });
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

  /** @param {Source} from */
  function fillPicker(from) {
    const { captures, sample } = from;
    const { seqLen, kvHeads, headDim } = captures[at.capture];
    origin.textContent = sample
      ? "Real values of the sample: SmolLM2-135M, the longest capture of each layer. Add a dump to see your own."
      : "Values of your dump: the longest capture of each layer.";
    const runs = new Set(captures.map(({ run }) => run)).size > 1;
    const change = (/** @type {() => void} */ set) => () => {
      set();
      void refresh();
    };
    fill(
      picker,
      select(
        "Layer",
        captures.map((pick, i) => [String(i), `${runs ? `${pick.run} ` : ""}${pick.layerId}, ${pick.stage}`]),
        String(at.capture),
        (value) => {
          at.capture = Number(value);
          const pick = captures[at.capture];
          at.token = Math.min(at.token, pick.seqLen - 1);
          at.head = Math.min(at.head, pick.kvHeads - 1);
          at.first = at.first < pick.headDim ? at.first : 0;
          fillPicker(from);
          void refresh();
        },
      ),
      select(
        "Tensor",
        [
          ["k", "K"],
          ["v", "V"],
        ],
        at.tensor,
        (value) => change(() => (at.tensor = /** @type {"k" | "v"} */ (value)))(),
      ),
      numberField("Token", at.token, seqLen, (value) => change(() => (at.token = value))()),
      select(
        "Head",
        Array.from({ length: kvHeads }, (_, i) => [String(i), String(i)]),
        String(at.head),
        (value) => change(() => (at.head = Number(value)))(),
      ),
      select(
        "Channels",
        Array.from({ length: Math.ceil(headDim / SHOWN) }, (_, i) => [
          String(i * SHOWN),
          `${i * SHOWN} to ${Math.min(headDim, (i + 1) * SHOWN) - 1}`,
        ]),
        String(at.first),
        (value) => change(() => (at.first = Number(value)))(),
      ),
    );
  }
}

/** @param {string} label @param {[string, string][]} options @param {string} value @param {(value: string) => void} change */
function select(label, options, value, change) {
  const field = h(
    "select",
    {},
    options.map(([value, text]) => h("option", { value }, text)),
  );
  field.value = value;
  field.addEventListener("change", () => change(field.value));
  return h("label", {}, h("span", {}, label), field);
}

/** @param {string} label @param {number} value @param {number} count @param {(value: number) => void} change */
function numberField(label, value, count, change) {
  const field = h("input", { type: "number", min: 0, max: count - 1, step: 1, value });
  field.addEventListener("input", () => {
    const next = Number(field.value);
    if (field.value !== "" && Number.isInteger(next) && next >= 0 && next < count) change(next);
  });
  return h("label", {}, h("span", {}, `${label} (of ${count})`), field);
}

/**
 * Method and bits.
 * @param {{ method: "truncate" | "quant", bits: number }} at
 * @param {() => void} changed
 */
function settings(at, changed) {
  const range = h("input", { type: "range", step: 1, "aria-label": "Bits" });
  const value = h("output", {});
  const limits = { truncate: [0, 10], quant: [2, 12] };
  const sync = () => {
    const [min, max] = limits[at.method];
    at.bits = Math.min(max, Math.max(min, at.bits));
    Object.assign(range, { min: String(min), max: String(max) });
    range.value = String(at.bits);
    value.textContent =
      at.method === "truncate" ? `${at.bits} of ${limits.truncate[1]} mantissa bits kept` : `${at.bits} bits: ${2 ** at.bits - 1} steps`;
    range.setAttribute("aria-valuetext", value.textContent);
  };
  range.addEventListener("input", () => {
    at.bits = Number(range.value);
    sync();
    changed();
  });
  const method = (/** @type {"truncate" | "quant"} */ name, /** @type {string} */ text, /** @type {number} */ bits) => {
    const radio = h("input", { type: "radio", name: "lesson-method", value: name, checked: at.method === name });
    radio.addEventListener("change", () => {
      Object.assign(at, { method: name, bits });
      sync();
      changed();
    });
    return h("label", {}, radio, ` ${text}`);
  };
  sync();
  return {
    node: h(
      "fieldset",
      { class: "setting" },
      h("legend", { class: "visually-hidden" }, "Lossy setting"),
      method("truncate", "Truncate", 6),
      method("quant", "Quantize", 8),
      range,
      value,
    ),
    /** Takes over the mantissa's length from the tensor's type. @param {number} mantissa */
    follow(mantissa) {
      limits.truncate[1] = mantissa;
      sync();
    },
  };
}
