// A file that is being written: how far it is, its Cancel, and what came of it. One at a time.

/** @import { WriteOptions } from "../engine/types.js" */
import { h } from "../dom.js";
import { EngineError } from "../engine/errors.js";
import { failureBox } from "./failure.js";

/** @param {string} label of the bar */
export function writing(label) {
  /** @type {AbortController | null} */
  let going = null;
  // Only start and end are read aloud; the bar has what lies between.
  const status = h("p", { class: "small", role: "status" });
  const far = h("p", { class: "small muted" });
  const bar = h("progress", { "aria-label": label, hidden: true });
  const stop = h("button", { type: "button", hidden: true, on: { click: cancel } }, "Cancel");
  const say = (/** @type {string} */ text) => (status.textContent = text);
  return { nodes: [status, far, bar, stop], write, say, isGoing: () => going !== null };

  function cancel() {
    if (!going || going.signal.aborted) return;
    say("Cancelling …");
    far.textContent = "";
    going.abort();
  }

  /**
   * @param {(options: WriteOptions) => Promise<string>} job gives what is to be said of the file
   * @param {(done: number, total: number) => string} words of the progress
   * @param {() => HTMLElement | null} origin what the reader pressed
   */
  async function write(job, words, origin) {
    // This is where the other one can be followed and ended.
    if (going) return stop.focus();
    going = new AbortController();
    bar.hidden = stop.hidden = false;
    stop.focus();
    status.textContent = "Writing …";
    /** @param {number} done @param {number} total */
    const onProgress = (done, total) => {
      [bar.max, bar.value] = [total, done];
      far.textContent = words(done, total);
    };
    try {
      status.textContent = await job({ signal: going.signal, onProgress });
    } catch (error) {
      if (error instanceof EngineError && error.code === "cancelled") status.textContent = "Cancelled: no file was written.";
      else status.replaceChildren(failureBox(error instanceof EngineError ? error : { message: String(error), hint: "" }));
    } finally {
      going = null;
      const left = document.activeElement === stop;
      bar.hidden = stop.hidden = true;
      bar.removeAttribute("value");
      far.textContent = "";
      // A button that goes away takes the focus with it.
      if (left) origin()?.focus();
    }
  }
}
