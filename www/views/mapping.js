// Arrays without meta files (.npz, .npy, .safetensors): how their names and axes were understood, and why; a form where they can't be told.

/** @import { App } from "../app.js" */
/** @import { Mapping, TensorGuess } from "../engine/core.js" */
import { byId, fill, h } from "../dom.js";
import { plural } from "../format.js";
import { mappingOf } from "../link.js";
import { MAPPING_WORDS, inWords } from "../words.js";

const AXES = [
  "seq,heads,dim",
  "heads,seq,dim",
  "batch,heads,seq,dim",
  "batch,seq,heads,dim",
  "layer,batch,heads,seq,dim",
  "kv,seq,heads,dim",
  "kv,seq,dim",
  "layer,kv,batch,heads,seq,dim",
  "kv,blocks,seq,heads,dim",
];

/** @type {{ key: keyof Mapping, label: string, help: string, example: string }[]} */
const FIELDS = [
  {
    key: "tensorNames",
    label: MAPPING_WORDS["tensor-names"],
    help: "The names with {layer} for the number and {kv} for K or V; they may begin with names of files and folders. {kv:0|1} takes words of your own.",
    example: "layers.{layer}.{kv}",
  },
  {
    key: "axes",
    label: MAPPING_WORDS.axes,
    help: "The order of batch, heads, seq and dim, outermost first; kv where K and V lie in one array, layer where layers do, blocks where a paged cache keeps tokens in blocks.",
    example: AXES[1],
  },
  {
    key: "kvHeads",
    label: MAPPING_WORDS["kv-heads"],
    help: "How many heads lie in the last axis, where they have no axis of their own: num_key_value_heads in the model’s config.json.",
    example: "8",
  },
  { key: "bits16", label: MAPPING_WORDS.bits16, help: "What their bits stand for: fp16 or bf16.", example: "bf16" },
];

/** Fields that are shown only where they are asked for, or were answered. */
const RARE = new Set(["kvHeads", "bits16"]);

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
  const words = inWords(app.store.get(), guess.reason);
  const doubt = guess.asks.every((ask) => ask === "kvHeads") ? "how many KV heads they have isn’t told" : "names or axes can’t be told";
  const what = `${plural(guess.count, "array")} in ${guess.files[0]}${guess.files.length > 1 ? " and more" : ""}`;
  const read = [guess.tensorNames && `names ${guess.tensorNames}`, guess.axes && `axes ${guess.axes}`].filter(Boolean).join(", ");
  return h(
    "details",
    { class: "guess", open: asked },
    h("summary", {}, asked ? h("strong", {}, `${what}: ${doubt}. `) : `${what}, read as ${read}`),
    h("p", { class: "small muted" }, `${words[0]?.toUpperCase() ?? ""}${words.slice(1)}.`),
    h(
      "ul",
      { class: "small" },
      guess.examples.map(({ name, dtype, shape }) => h("li", {}, h("code", {}, name), ` · ${dtype} · [${shape.join(", ")}]`)),
    ),
    mappingForm(app, guess, index),
  );
}

/** The form goes away with what it asked; one that is asked again is made anew. */
function keepFocus() {
  if (document.activeElement !== document.body) return;
  const next = /** @type {HTMLElement | null} */ (document.querySelector(".guess[open] form.mapping input"));
  (next ?? byId("dump")).focus({ preventScroll: true });
}

/** @param {App} app @param {TensorGuess} guess @param {number} index */
function mappingForm(app, guess, index) {
  const { mapping } = app.store.get();
  const shown = FIELDS.filter(({ key }) => !RARE.has(key) || guess.asks.includes(key) || mapping[key]);
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
    const texts = Object.fromEntries(
      [...new FormData(/** @type {HTMLFormElement} */ (event.target))].map(([key, text]) => [key, String(text).trim()]),
    );
    // The core refuses what it can't read.
    void app.setMapping(mappingOf(texts)).then(keepFocus);
  };
  return h(
    "form",
    { class: "mapping", on: { submit } },
    h("div", { class: "fields" }, inputs),
    h("div", { class: "buttons" }, h("button", {}, "Read them like this")),
  );
}
