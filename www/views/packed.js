// An answer taken home: the dump written as a .kvz by the core in this tab, with what is left to tell of it.

/** @import { App } from "../app.js" */
/** @import { Explored } from "../engine/core.js" */
/** @import { Answer } from "../explore/search.js" */
import { h } from "../dom.js";
import { said } from "../explore/words.js";
import { plural, size } from "../format.js";
import { save } from "../save.js";
import { nameOf } from "./downloads.js";
import { writing } from "./writing.js";

/** Where it is told; one file at a time. @param {App} app */
export function packing(app) {
  const { nodes, write, say, isGoing } = writing("Layers written");
  const keep = h("input", { type: "checkbox", checked: true });
  const queries = h(
    "label",
    { class: "check small", hidden: true },
    keep,
    " Keep the captured queries in .kvz files, on top of these sizes",
  );
  const element = h("div", { class: "packing" }, queries, h("div", { class: "buttons" }, nodes));
  return { element, buttonOf, show };

  /** @param {Explored} explored */
  function show(explored) {
    queries.hidden = explored.layersWithQueries === 0;
  }

  /** What writes this answer, where it can be stored. @param {Answer} answer */
  function buttonOf(answer) {
    if (answer.class === "reference") return null;
    const text = `Download .kvz, ${said(answer, size(answer.bytes))}`;
    return h("button", { type: "button", class: "quiet", "data-pack": answer.id, on: { click: () => void pack(answer) } }, text);
  }

  /** @param {Answer} answer */
  async function pack({ id, k, v, sinks, recent }) {
    const { dump, running, writing } = app.store.get();
    if (running) return say("A run is going on: the file can be written when it is done.");
    if (writing && !isGoing()) return say("Another file is being written: this one can be written when that is done.");
    const request = { k, v, sinks, recent, queries: keep.checked };
    await write(
      async (options) => {
        const { blob, headBytes, queryBytes, notes } = await app.pack(request, options);
        const name = nameOf(dump, "kvz");
        save(blob, name);
        const beside = [`${size(headBytes)} of index`, queryBytes > 0 && `${size(queryBytes)} of queries`].filter(Boolean).join(" and ");
        const parts = size(blob.size - headBytes - queryBytes);
        return [`Written: ${name}, ${size(blob.size)}: ${parts} of K and V, ${beside}.`, ...notes].join(" ");
      },
      (layers, total) => `${layers} of ${plural(total, "layer")} written`,
      () => document.querySelector(`[data-pack="${id}"]`),
    );
  }
}
