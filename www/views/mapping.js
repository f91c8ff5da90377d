// Arrays without meta files (.npz, .npy, .safetensors): how their names and axes were understood, and why; a form where they can't be told.

/** @import { App } from "../app.js" */
/** @import { Mapping, TensorGuess } from "../engine/core.js" */
import { fill, h } from "../dom.js";
import { plural } from "../format.js";

const AXES = ["seq,heads,dim", "heads,seq,dim", "batch,heads,seq,dim", "batch,seq,heads,dim", "layer,batch,heads,seq,dim"];

/** @type {{ key: keyof Mapping, label: string, help: string, example: string }[]} */
const FIELDS = [
  {
    key: "tensorNames",
    label: "Names",
    help: "The names with {layer} for the number and {kv} for K or V.",
    example: "layers.{layer}.{kv}",
  },
  { key: "axes", label: "Axes", help: "The order of batch, heads, seq and dim, outermost first.", example: AXES[1] },
  { key: "bits16", label: "16-bit integers are", help: "What their bits stand for: fp16 or bf16.", example: "bf16" },
];

/** @param {App} app @returns {HTMLElement} */
export function mappingPanel(app) {
  const root = h("div", { class: "guesses" });
  app.store.watch(
    (state) => state.dump?.guesses,
    (guesses) =>
      fill(
        root,
        (guesses ?? []).map((guess, i) => guessView(app, guess, i)),
      ),
  );
  return root;
}

/** @param {App} app @param {TensorGuess} guess @param {number} index */
function guessView(app, guess, index) {
  const asked = guess.asks.length > 0;
  const what = `${plural(guess.count, "array")} in ${guess.files[0]}${guess.files.length > 1 ? " and more" : ""}`;
  const read = [guess.tensorNames && `names ${guess.tensorNames}`, guess.axes && `axes ${guess.axes}`].filter(Boolean).join(", ");
  return h(
    "details",
    { class: "guess", open: asked },
    h("summary", {}, asked ? h("strong", {}, `${what}: names or axes can’t be told. `) : `${what}, read as ${read}`),
    h("p", { class: "small muted" }, `${guess.reason[0]?.toUpperCase() ?? ""}${guess.reason.slice(1)}.`),
    h(
      "ul",
      { class: "small" },
      guess.examples.map(({ name, dtype, shape }) => h("li", {}, h("code", {}, name), ` · ${dtype} · [${shape.join(", ")}]`)),
    ),
    mappingForm(app, guess, index),
  );
}

/** @param {App} app @param {TensorGuess} guess @param {number} index */
function mappingForm(app, guess, index) {
  const { mapping } = app.store.get();
  const shown = FIELDS.filter(({ key }) => key !== "bits16" || guess.asks.includes(key) || mapping.bits16);
  const inputs = shown.map(({ key, label, help, example }) => {
    const id = `mapping-${index}-${key}`;
    const input = h("input", {
      id,
      name: key,
      value: mapping[key] ?? guess[/** @type {"axes"} */ (key)] ?? "",
      placeholder: example,
      autocomplete: "off",
      spellcheck: "false",
      list: key === "axes" ? `${id}-list` : false,
      "aria-describedby": `${id}-help`,
    });
    return h(
      "div",
      { class: "field long" },
      h("div", { class: "field-head" }, h("label", { for: id }, label)),
      h("div", { class: "control" }, input),
      key === "axes" &&
        h(
          "datalist",
          { id: `${id}-list` },
          AXES.map((value) => h("option", { value })),
        ),
      h("p", { class: "help", id: `${id}-help` }, help),
    );
  });
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    const texts = [...new FormData(/** @type {HTMLFormElement} */ (event.target))].filter(([, text]) => text !== "");
    // The core refuses what it can't read.
    void app.setMapping(/** @type {Mapping} */ (Object.fromEntries(texts)));
  };
  return h(
    "form",
    { class: "mapping", on: { submit } },
    h("div", { class: "fields" }, inputs),
    h("div", { class: "buttons" }, h("button", {}, "Read them so")),
  );
}
