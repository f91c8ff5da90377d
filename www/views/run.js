// The run bar: run or cancel, how far it is, and the settings as a link or as a command. Its height never changes.

/** @import { App } from "../app.js" */
/** @import { Running } from "../types.js" */
import { byId, fill, h } from "../dom.js";
import { count, duration, plural, size, tied } from "../format.js";
import { commandOf, linkOf } from "../link.js";
import { isSearch, paramsOf, specOf } from "../settings.js";
import { estimateText } from "./estimate.js";
import { copyButton } from "./copy.js";
import { failureBox } from "./failure.js";

/** @param {App} app @returns {HTMLElement} */
export function runBar(app) {
  const { store } = app;
  const go = h(
    "button",
    { type: "button", class: "primary", id: "run", on: { click: () => (store.get().running ? app.cancel() : void app.run()) } },
    "Run",
  );
  const text = h("p", { class: "state-text" });
  const bar = h("progress", { class: "idle", "aria-label": "Part done" });
  const verify = h("input", { type: "checkbox", id: "verify", on: { change: () => store.set({ verify: verify.checked }) } });
  const failure = h("div", { role: "alert" });
  const share = h(
    "div",
    { class: "share buttons" },
    h("label", { class: "check", title: "Decode what was compressed again, and compare it with the dump bit for bit" }, verify, "Verify"),
    copyButton("Copy link", "The address with these settings, and with the dump where it lies beside this page", () => linkOf(store.get())),
    copyButton("Copy command", "The same run on the command line", () => commandOf(store.get())),
  );
  const estimate = h("p", { class: "estimate small", "aria-live": "off" }, "\u00a0");
  const root = h("div", {}, h("div", { class: "run-bar" }, go, h("div", { class: "state" }, text, bar), share), estimate, failure);

  store.watch(
    ({ estimate: now, dump, running, writing, analysis, values }) => [now, dump, running === null && !writing, analysis, values],
    () => fill(estimate, estimateText(store.get()) || "\u00a0"),
  );

  store.watch(
    (state) => state.verify,
    (on) => (verify.checked = on),
  );
  store.watch(
    (state) => state.runFailure,
    (what) => fill(failure, what && failureBox(what)),
  );
  store.watch(
    (state) => [state.running, state.plan, state.dump, state.engine, blocker(state)],
    () => {
      const state = store.get();
      const { running } = state;
      const why = blocker(state);
      go.textContent = running ? "Cancel" : "Run";
      go.disabled = running ? running.cancelling : why !== "";
      bar.classList.toggle("idle", !running);
      if (running?.progress) {
        bar.value = running.progress.share;
      } else bar.removeAttribute("value");
      text.classList.toggle("muted", !running);
      fill(text, tied(running ? progressText(state, running) : why || planText(state)));
    },
  );
  announce(app);
  return root;
}

/** Why it can't run now, or "". @param {import("../types.js").State} state */
function blocker(state) {
  const spec = specOf(state);
  if (state.engine.status === "failed") return "kvlens did not start: see the top of the page.";
  if (!spec) return "Starting …";
  const [wrong] = state.plan?.errors ?? [];
  if (wrong) return `${paramsOf(spec).find(({ flag }) => flag === wrong.flag)?.label ?? wrong.flag}: ${wrong.message}`;
  if (!state.dump?.captures && state.dump?.guesses.length) return "Say above how the arrays are to be read.";
  if (!state.dump?.captures) return "Drop a dump first, or try the sample.";
  if (state.writing) return "A file is being written: run when it is done.";
  if (state.plan?.captures === 0) return "No capture is left under these settings: widen stage and lengths, or move the split.";
  return "";
}

/** @param {import("../types.js").State} state */
function planText(state) {
  const { plan } = state;
  const spec = specOf(state);
  if (!plan || !spec) return "";
  const ways = plan.combinations > 1 ? `${plural(plan.combinations, spec.variantNoun)} × ` : "";
  return `${ways}${plural(plan.captures, "capture")} · ${size(plan.bytes)} to go through`;
}

/** @param {import("../types.js").State} state @param {Running} running */
function progressText(state, { analysis, progress, pace, cancelling }) {
  if (cancelling) return "Cancelling …";
  if (!progress || progress.elapsedMs === 0) return "Starting …";
  const { captures, capturesTotal, bytes, bytesTotal, share } = progress;
  const { elapsedMs } = pace ?? progress;
  const speed = bytes / elapsedMs / 1000;
  // Until the first capture is done there is no speed to tell.
  const rate = bytes > 0 ? ` · ${speed < 10 ? speed.toFixed(1) : count(speed)} MB/s` : "";
  const left = share > 0 && elapsedMs > 500 ? ` · ${duration(((1 - share) / share) * elapsedMs)} left` : "";
  // Explore goes through the captures more than once: their count would say little.
  if (isSearch(state, analysis)) return `${Math.floor(100 * share)} %${rate}${left}`;
  return `${count(captures)} / ${count(capturesTotal)} captures · ${size(bytes)} of ${size(bytesTotal)}${rate}${left}`;
}

/** @param {import("../types.js").State} state @param {Running} running what has ended */
function endText({ ended }, { cancelling }) {
  if (ended === "done") return cancelling ? "Done: it had ended before it could be cancelled" : "Done";
  if (ended === null) return "Nothing was run: the dump has no capture left";
  return ended === "failed" ? "The run failed" : "Cancelled";
}

/** Says start, each quarter and the end to screen readers: not every tick. @param {App} app */
function announce({ store }) {
  const live = byId("announce");
  let quarter = 0;
  store.watch(
    (state) => state.running,
    (running, before) => {
      if (running && !before) {
        quarter = 0;
        live.textContent = "Running";
      }
      if (running?.progress) {
        const now = Math.floor(4 * running.progress.share);
        if (now > quarter && now < 4) live.textContent = `${now * 25} percent`;
        quarter = now;
      }
      if (before && !running) live.textContent = endText(store.get(), before);
    },
  );
}
