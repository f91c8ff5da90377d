// What stands around each step of the lesson: its name, the links of all steps, and the ways back, on and out.

import { fill, h } from "../dom.js";
import { STEPS } from "./steps.js";

/**
 * The lesson's elements, still without a step.
 * @param {HTMLElement} setting
 * @param {number} shown step that is to come
 * @param {(step: number | null) => void} onStep null to close
 * @param {HTMLElement[]} tools
 */
export function frame(setting, shown, onStep, tools) {
  const title = h("h3", { id: "lesson-title", tabindex: "-1" });
  /** @param {Event} event */
  const submit = (event) => event.preventDefault();
  const picker = h("form", { class: "pick", "aria-label": "Which values", on: { submit } });
  const origin = h("p", { class: "small muted" });
  const body = h("div", { class: "step", "aria-live": "off" });
  const steps = h("ol", { class: "steps" });
  const back = h("button", { type: "button", on: { click: () => onStep(shown - 1) } }, "Back");
  const next = h("button", { type: "button", on: { click: () => onStep(shown < STEPS.length ? shown + 1 : null) } });
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
  /** Its name, and the ways from it. @param {number} step */
  function showStep(step) {
    shown = step;
    title.textContent = `${step}. ${STEPS[step - 1].title}`;
    fill(steps, stepLinks(step, onStep));
    back.disabled = step === 1;
    next.textContent = step < STEPS.length ? `Next: ${STEPS[step].name}` : "Close the lesson";
  }

  return { root, picker, origin, body, showStep, focusTitle: () => title.focus({ preventScroll: true }) };
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
