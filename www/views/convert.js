// The dump, or a sample cut out of it, as a file in another format.

/** @import { App } from "../app.js" */
import { h } from "../dom.js";
import { plural, size } from "../format.js";
import { save } from "../save.js";
import { nameOf } from "./downloads.js";
import { writing } from "./writing.js";

const FORMATS = [
  ["zip", "Captures, as a .zip"],
  ["safetensors", "One .safetensors file"],
];
const STAGES = [
  ["", "Both"],
  ["prefill", "Prefill"],
  ["decode", "Decode"],
];
const DTYPES = [
  ["", "fp32 stays"],
  ["fp16", "fp32 to fp16"],
  ["bf16", "fp32 to bf16"],
];

/** @param {App} app @returns {HTMLElement} */
export function convertPanel(app) {
  const { nodes, write } = writing("Bytes written");
  const go = h("button", {}, "Convert and download");
  const form = h(
    "form",
    { class: "convert", on: { submit } },
    h(
      "div",
      { class: "fields" },
      choice("format", "Format", FORMATS, ""),
      choice("stage", "Stage", STAGES, ""),
      text("layers", "Layers", "0-3,7", "Empty: all of them."),
      text("tokens", "Tokens", "0..128", "Empty: all of them."),
      choice("dtype", "Element type", DTYPES, "Other types stay bit for bit."),
    ),
    h("div", { class: "buttons" }, go, nodes),
  );
  const panel = h("details", { class: "converting" }, h("summary", {}, "Convert, or cut a sample out to share"), form);
  app.store.watch(
    ({ dump, running, writing }) => [dump?.captures ?? 0, running === null && !writing],
    ([captures, idle]) => {
      panel.hidden = captures === 0;
      go.disabled = !idle;
    },
  );
  return panel;

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const options = Object.fromEntries(
      [...new FormData(form)].filter(([, value]) => value !== "").map(([name, value]) => [name, String(value)]),
    );
    const name = nameOf(app.store.get().dump, options.format);
    await write(
      async (news) => {
        const { blob, overflows } = await app.convert(options, news);
        save(blob, name);
        return `Written: ${name}, ${size(blob.size)}.${overflows > 0 ? lost(overflows, options.dtype) : ""}`;
      },
      (written, total) => `${size(written)} of ${size(total)}`,
      () => go,
    );
  }
}

/** @param {number} values @param {string} dtype */
const lost = (values, dtype) =>
  ` ${plural(values, "value")} too large for ${dtype} became infinite${dtype === "fp16" ? "; bf16 has room for them" : ""}.`;

/** @param {string} name @param {string} label @param {string[][]} options @param {string} help */
function choice(name, label, options, help) {
  const id = `convert-${name}`;
  return field(
    id,
    label,
    h(
      "select",
      { id, name },
      options.map(([value, text]) => h("option", { value }, text)),
    ),
    help,
  );
}

/** @param {string} name @param {string} label @param {string} placeholder @param {string} help */
function text(name, label, placeholder, help) {
  const id = `convert-${name}`;
  return field(id, label, h("input", { id, name, placeholder, autocomplete: "off", spellcheck: "false" }), help);
}

/** @param {string} id @param {string} label @param {HTMLElement} control @param {string} help */
const field = (id, label, control, help) =>
  h(
    "div",
    { class: "field" },
    h("div", { class: "field-head" }, h("label", { for: id }, label)),
    h("div", { class: "control" }, control),
    h("p", { class: "help" }, help),
  );
