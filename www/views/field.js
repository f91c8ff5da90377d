// One setting as a form field, made from its definition in the core: control, unit, one line of help with range and default,
// and what is wrong while typing. The field is built once and follows the store, so it never loses the focus.

/** @import { App } from "../app.js" */
/** @import { Choice, ParamSpec } from "../engine/core.js" */
import { h } from "../dom.js";
import { applies, defaultText, defaultWords, rangeText, valueOf } from "../settings.js";

let lastId = 0;

/**
 * @typedef {object} Control
 * @property {HTMLElement} element
 * @property {(text: string) => void} show
 * @property {HTMLElement | null} labelled  the element that a <label> names; null: the control is a group with a name of its own
 */

/**
 * @param {App} app @param {ParamSpec} param
 * @returns {{ element: HTMLElement, stop: () => void }}
 */
export function fieldFor(app, param) {
  const id = `field-${++lastId}`;
  const helpId = `${id}-help`;
  /** @param {string} text */
  const change = (text) => app.setValue(param.flag, text);
  const control = controlFor(param, id, helpId, change);
  const reset = h(
    "button",
    {
      type: "button",
      class: "quiet reset",
      title: `Back to ${defaultWords(param)}`,
      "aria-label": `${param.label}: back to the default`,
      on: { click: () => change(defaultText(param)) },
    },
    "↺",
  );
  const help = h("p", { class: "help", id: helpId });
  const name = control.labelled ? h("label", { for: id }, param.label) : h("span", { id: `${id}-name` }, param.label);
  const long = param.kind.type.endsWith("List") || param.kind.type === "range";
  const element = h(
    "div",
    { class: `field${long ? " long" : ""}`, "data-flag": param.flag },
    h("div", { class: "field-head" }, name, h("span", { class: "range" }, rangeText(param))),
    h("div", { class: "control" }, control.element, param.unit && h("span", { class: "unit" }, param.unit), reset),
    help,
  );

  const stop = app.store.watch(
    (state) => [valueOf(state, param), applies(state, param), state.plan?.errors.find((error) => error.flag === param.flag)?.message],
    ([text, shown, complaint]) => {
      const value = String(text);
      const wrong = String(complaint ?? "");
      control.show(value);
      element.hidden = !shown;
      element.classList.toggle("changed", value !== defaultText(param));
      help.classList.toggle("bad", wrong !== "");
      if (control.labelled) {
        if (wrong) control.labelled.setAttribute("aria-invalid", "true");
        else control.labelled.removeAttribute("aria-invalid");
      }
      // An untouched choice shows its default by itself.
      const told = "choices" in param.kind && value === defaultText(param) ? "" : ` Default: ${defaultWords(param)}.`;
      help.textContent = wrong || param.help + told;
    },
  );
  return { element, stop };
}

/**
 * @param {ParamSpec} param @param {string} id @param {string} helpId @param {(text: string) => void} change
 * @returns {Control}
 */
function controlFor(param, id, helpId, change) {
  const { kind } = param;
  switch (kind.type) {
    case "switch":
      return checkbox(id, helpId, change);
    case "choice":
      // Few short names stand open; long ones fold.
      return kind.choices.length <= 3 && kind.choices.every(({ label }) => label.length <= 16)
        ? segments(param, kind.choices, id, helpId, change)
        : select(kind.choices, id, helpId, change);
    case "choiceList":
      return boxes(kind.choices, id, helpId, change);
    default:
      return textInput(param, id, helpId, change);
  }
}

/** @param {ParamSpec} param @param {string} id @param {string} helpId @param {(text: string) => void} change @returns {Control} */
function textInput({ kind }, id, helpId, change) {
  const whole = kind.type === "int";
  const input = h("input", {
    type: "text",
    id,
    "aria-describedby": helpId,
    autocomplete: "off",
    spellcheck: "false",
    inputmode: whole ? "numeric" : "text",
    class: whole || kind.type === "float" ? "short" : false,
    on: { input: () => change(input.value) },
  });
  if (whole && "min" in kind) {
    const { min, max } = kind;
    input.addEventListener("keydown", (event) => {
      const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!step || !/^-?\d+$/.test(input.value)) return;
      event.preventDefault();
      change(String(Math.min(max, Math.max(min, Number(input.value) + step))));
    });
  }
  return {
    element: input,
    labelled: input,
    // Typing sets the store, which comes back here: the text as typed must stay as it is.
    show: (text) => {
      if (input.value !== text) input.value = text;
    },
  };
}

/** @param {Choice[]} choices @param {string} id @param {string} helpId @param {(text: string) => void} change @returns {Control} */
function select(choices, id, helpId, change) {
  const element = h(
    "select",
    { id, "aria-describedby": helpId, on: { change: () => change(element.value) } },
    choices.map(({ value, label }) => h("option", { value }, label)),
  );
  return { element, labelled: element, show: (text) => (element.value = text) };
}

/** @param {ParamSpec} param @param {Choice[]} choices @param {string} id @param {string} helpId @param {(text: string) => void} change @returns {Control} */
function segments(param, choices, id, helpId, change) {
  const inputs = choices.map(({ value }) => h("input", { type: "radio", name: id, value, on: { change: () => change(value) } }));
  const element = h(
    "div",
    { class: "segments", role: "radiogroup", "aria-labelledby": `${id}-name`, "aria-describedby": helpId },
    choices.map(({ label }, i) => h("label", {}, inputs[i], label)),
  );
  return { element, labelled: null, show: (text) => inputs.forEach((input) => (input.checked = input.value === text)) };
}

/** @param {Choice[]} choices @param {string} id @param {string} helpId @param {(text: string) => void} change @returns {Control} */
function boxes(choices, id, helpId, change) {
  const inputs = choices.map(({ value }) =>
    h("input", {
      type: "checkbox",
      value,
      on: {
        change: () =>
          change(
            inputs
              .filter((each) => each.checked)
              .map((each) => each.value)
              .join(","),
          ),
      },
    }),
  );
  const element = h(
    "div",
    { class: "boxes", role: "group", "aria-labelledby": `${id}-name`, "aria-describedby": helpId },
    choices.map(({ label }, i) => h("label", { class: "check" }, inputs[i], label)),
  );
  return {
    element,
    labelled: null,
    show: (text) => {
      const on = text.split(",");
      inputs.forEach((input) => (input.checked = on.includes(input.value)));
    },
  };
}

/** @param {string} id @param {string} helpId @param {(text: string) => void} change @returns {Control} */
function checkbox(id, helpId, change) {
  const input = h("input", { type: "checkbox", id, "aria-describedby": helpId, on: { change: () => change(String(input.checked)) } });
  return { element: input, labelled: input, show: (text) => (input.checked = text === "true") };
}
