// An answer taken home: the dump written as a .kvz by the core in this tab, with what is left to tell of it.

/** @import { App } from "../app.js" */
/** @import { Explored } from "../engine/core.js" */
/** @import { Answer } from "../explore/search.js" */
import { h } from "../dom.js";
import { EngineError } from "../engine/errors.js";
import { said, size } from "../explore/words.js";
import { plural } from "../format.js";
import { save } from "./downloads.js";
import { failureBox } from "./failure.js";

/** Where it is told; one file at a time. @param {App} app */
export function packing(app) {
  /** @type {AbortController | null} */
  let going = null;
  const status = h("p", { class: "small", role: "status" });
  const bar = h("progress", { "aria-label": "Layers written", hidden: true });
  const stop = h("button", { type: "button", hidden: true, on: { click: () => going?.abort() } }, "Cancel");
  const keep = h("input", { type: "checkbox", checked: true });
  const queries = h("label", { class: "check small", hidden: true }, keep, " Keep the captured queries in .kvz files");
  const element = h("div", { class: "packing" }, queries, h("div", { class: "buttons" }, status, bar, stop));
  return { element, buttonOf, show };

  /** @param {Explored} explored */
  function show(explored) {
    queries.hidden = explored.layersWithQueries === 0;
  }

  /** What writes this answer, where it can be stored. @param {Answer} answer */
  function buttonOf(answer) {
    if (answer.class === "reference") return null;
    const text = `Download .kvz, ${said(answer, size(answer.bytes))}`;
    return h("button", { type: "button", class: "quiet", "data-pack": answer.id, on: { click: () => void write(answer) } }, text);
  }

  /** @param {Answer} answer */
  async function write({ id, k, v, sinks, recent }) {
    // One at a time: this is where the other one can be followed and ended.
    if (going) return stop.focus();
    const { dump, running } = app.store.get();
    if (running) {
      status.textContent = "A run is going on: the file can be written when it is done.";
      return;
    }
    going = new AbortController();
    bar.hidden = stop.hidden = false;
    stop.focus();
    status.textContent = "Writing …";
    try {
      const request = { k, v, sinks, recent, queries: keep.checked };
      const { blob, headBytes, queryBytes, notes } = await app.pack(request, {
        signal: going.signal,
        onProgress: (layers, total) => {
          [bar.value, bar.max] = [layers, total];
          status.textContent = `${layers} of ${plural(total, "layer")} written`;
        },
      });
      const runs = dump?.runs ?? [];
      const name = `${(runs.length === 1 && runs[0].run) || "dump"}.kvz`;
      save(blob, name);
      const beside = [`${size(headBytes)} of index`, queryBytes > 0 && `${size(queryBytes)} of queries`].filter(Boolean).join(" and ");
      const parts = size(blob.size - headBytes - queryBytes);
      status.textContent = [`Written: ${name}, ${size(blob.size)}: ${parts} of K and V, ${beside}.`, ...notes].join(" ");
    } catch (error) {
      if (error instanceof EngineError && error.code === "cancelled") status.textContent = "Cancelled: no file was written.";
      else status.replaceChildren(failureBox(error instanceof EngineError ? error : { message: String(error), hint: "" }));
    } finally {
      going = null;
      const left = document.activeElement === stop;
      bar.hidden = stop.hidden = true;
      bar.removeAttribute("value");
      // A button that goes away takes the focus with it.
      if (left) /** @type {HTMLElement | null} */ (document.querySelector(`[data-pack="${id}"]`))?.focus();
    }
  }
}
