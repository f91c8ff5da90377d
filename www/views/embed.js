// `?embed=1` is one result without the rest of the page, for a frame in a course page: the link's dump is opened, run, and shown.
// What is hidden is in base.css; theme.js marks the page before its first paint.

/** @import { App } from "../app.js" */
import { byId, h } from "../dom.js";

/** @param {App} app */
export function mountEmbed(app) {
  const { store } = app;
  const whole = h("a", { target: "_blank", href: location.pathname }, "Open in kvlens");
  // The address may have changed since.
  whole.addEventListener("click", () => (whole.href = location.pathname + location.hash));
  // The page's own heading is hidden here.
  byId("result").prepend(h("h1", { class: "visually-hidden" }, "kvlens: how small this KV cache gets"));
  const far = h("span", { role: "status" });
  byId("result").append(h("p", { class: "embed-foot small muted" }, far, " ", whole));
  store.watch(
    ({ running, outcomes }) => [running?.progress ?? running !== null, outcomes.length],
    () => {
      const { running, outcomes } = store.get();
      const progress = running?.progress ?? running !== null;
      const share = typeof progress === "object" ? `: ${Math.floor(100 * progress.share)} %` : "";
      far.textContent = progress ? `Computing in this tab${share} …` : outcomes.length > 0 ? "Computed in this tab." : "";
    },
  );
  store.watch(
    (state) => [state.dump, state.engine.status],
    () => {
      const { dump, engine, beside, running, outcomes, dumpFailure } = store.get();
      if (engine.status !== "ready" || running) return;
      if (dump?.captures && outcomes.length === 0) void app.run();
      else if (!beside && !dumpFailure)
        store.set({
          dumpFailure: {
            message: "This frame’s address names no dump.",
            hint: "It needs the path of one that lies beside the page, as in ?embed=1#dump=sample.zip, and settings as the page’s link has them.",
          },
        });
    },
  );
}
