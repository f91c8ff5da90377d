// The header's tools: which engine runs, the lesson, the theme, the list of keys; and the notice of a new version.

/** @import { App } from "../app.js" */
import { byId, fill, h } from "../dom.js";
import { showKeys } from "./keys.js";

/** @param {App} app */
export function mountHeader(app) {
  const { store } = app;
  const badge = h("span", { class: "badge", "data-kind": "starting" }, "starting");
  const lesson = h(
    "button",
    {
      type: "button",
      class: "quiet",
      id: "open-lesson",
      on: { click: () => store.set({ lesson: store.get().lesson === null ? 1 : null }) },
    },
    "Learn",
  );
  const theme = h("button", { type: "button", class: "quiet theme", on: { click: switchTheme } });
  nameTheme();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
  fill(
    byId("head-tools"),
    badge,
    lesson,
    theme,
    h("button", { type: "button", class: "quiet square", "aria-label": "Keys", title: "Keys", on: { click: showKeys } }, "?"),
  );

  store.watch(
    (state) => state.lesson !== null,
    (open) => lesson.setAttribute("aria-pressed", String(open)),
  );
  store.watch(
    (state) => state.engine,
    ({ status, info, failure }) => {
      badge.dataset.kind = status === "ready" ? (info?.kind ?? "serial") : status;
      badge.textContent = status === "ready" ? (info?.label ?? "") : status === "failed" ? "not running" : "starting";
      badge.title = failure?.message ?? (info ? `${info.threads} of this computer’s cores compute, in this tab` : "");
      if (info) byId("foot-version").textContent = `kvlens ${info.version}`;
    },
  );

  store.watch(
    ({ update, engine, strangeKeys }) => [update, engine.failure, strangeKeys.join()],
    () => {
      const { update, engine, strangeKeys } = store.get();
      fill(
        byId("notice"),
        engine.failure &&
          h(
            "div",
            { class: "message" },
            h(
              "p",
              { class: "what" },
              engine.failure.code === "network" ? "A part of kvlens could not be loaded." : "kvlens could not start in this browser.",
            ),
            h("p", {}, engine.failure.hint),
            h("p", { class: "small" }, engine.failure.message),
          ),
        strangeKeys.length > 0 &&
          h(
            "div",
            { class: "message note", id: "strange-keys" },
            h("p", { class: "what" }, `The link holds settings that this page does not know: ${strangeKeys.join(", ")}`),
            h("p", {}, "They were left out, and the rest was taken. The link may be of a newer version, or misspelt."),
            h("div", { class: "buttons" }, h("button", { type: "button", on: { click: () => store.set({ strangeKeys: [] }) } }, "Dismiss")),
          ),
        update &&
          h(
            "div",
            { class: "message note" },
            h("p", { class: "what" }, "A newer version of this page is here."),
            h("p", {}, "Updating reloads the page: download results that you want to keep first."),
            h("div", { class: "buttons" }, h("button", { type: "button", on: { click: update } }, "Update")),
          ),
      );
    },
  );

  function isDark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  function nameTheme() {
    theme.textContent = isDark() ? "Light" : "Dark";
    theme.title = `Switch to the ${isDark() ? "light" : "dark"} theme`;
  }

  function switchTheme() {
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("kvlens-theme", next);
    } catch {
      // Storage is refused: the choice holds for this visit.
    }
    nameTheme();
  }
}
