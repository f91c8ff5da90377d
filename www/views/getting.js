// How to get a dump: for each engine a few lines to copy that write a file which opens here. The texts are those of docs/snippets.

import { fill, h } from "../dom.js";
import { scrollable } from "../scrollable.js";
import { copyButton } from "./copy.js";

/** @type {{ file: string, name: string, note: string }[]} */
const SNIPPETS = [
  {
    file: "transformers.py",
    name: "transformers",
    note: "Writes cache.pt. Every form that torch.save gives opens; nothing in a pickle is run.",
  },
  {
    file: "transformers_queries.py",
    name: "transformers, with queries",
    note: "Writes the folder dump, with the queries of the last 64 tokens: they tell what an error does to attention.",
  },
  {
    file: "vllm.py",
    name: "vLLM",
    note: "Writes the folder dump, a file for each layer. The page asks how many KV heads the model has.",
  },
  {
    file: "llama_cpp.sh",
    name: "llama.cpp",
    note: "Writes slot.bin. The page asks how many KV heads the model has (n_head_kv in its log).",
  },
  { file: "mlx_lm.py", name: "mlx-lm", note: "Writes cache.safetensors: only its tokens in use are read." },
  { file: "mlx_lm_cli.sh", name: "mlx-lm, command line", note: "Writes cache.safetensors: only its tokens in use are read." },
  { file: "mnn.sh", name: "MNN", note: "Writes the folder dump while the model runs." },
];

/** @type {Promise<Record<string, string>> | null} */
let texts = null;

/** Fetches the texts once; they come with the page, so that opening the panel later asks for nothing. */
export const preloadSnippets = () => (texts ??= fetch("snippets.json").then((response) => response.json()));

/** @returns {HTMLElement} */
export function gettingPanel() {
  const text = h("pre");
  const lines = scrollable("", { class: "lines" }, text);
  const note = h("p", { class: "small muted" });
  const choice = h(
    "select",
    { id: "snippet-of", on: { change: show } },
    SNIPPETS.map(({ file, name }) => h("option", { value: file }, name)),
  );
  const copy = copyButton("Copy the lines", "Copy these lines", () => text.textContent ?? "");
  const panel = h(
    "details",
    { class: "getting" },
    h("summary", {}, "How to get a dump: transformers, vLLM, llama.cpp, mlx-lm, MNN"),
    h(
      "p",
      { class: "muted" },
      "Put a text of a few hundred tokens into prompt.txt, name your model, run the lines, and drop what they write here.",
    ),
    h("div", { class: "getting-head" }, h("label", { for: "snippet-of" }, "From"), choice, copy),
    lines,
    note,
  );
  panel.addEventListener("toggle", show);
  return panel;

  async function show() {
    if (!panel.open) return;
    const chosen = SNIPPETS.find(({ file }) => file === choice.value) ?? SNIPPETS[0];
    note.textContent = chosen.note;
    lines.setAttribute("aria-label", `Lines for ${chosen.name}`);
    try {
      text.textContent = (await preloadSnippets())[chosen.file] ?? "";
    } catch {
      texts = null;
      fill(text, "The lines could not be fetched: open the panel again when the network is back.");
    }
  }
}
