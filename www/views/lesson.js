// The lesson takes the page's place while it is open; `#learn=3` is its third step. Its module is loaded when it is first opened.

/** @import { App } from "../app.js" */
import { byId, fill, h } from "../dom.js";
import { linkOf } from "../link.js";
import { SAMPLE } from "../sample.js";

/** As a text, since the page is complete without it. @type {string} */
const LESSON = "../learn/index.js";

/** @param {App} app */
export function mountLesson({ store, inspector }) {
  const linkHere = () => linkOf(store.get());
  const root = byId("learn");
  let leave = () => {};
  store.watch(
    ({ lesson, lessonPlace, dump }) => [lesson, lessonPlace, dump],
    async (_, before) => {
      const { lesson: step, lessonPlace: place } = store.get();
      const open = step !== null;
      document.body.classList.toggle("in-lesson", open);
      if (!open) {
        fill(root);
        leave();
        if (before && before[0] !== null) document.getElementById("open-lesson")?.focus();
        return;
      }
      try {
        const { drawLesson, leaveLesson } = await import(LESSON);
        leave = leaveLesson;
        if (store.get().lesson !== step) return;
        await drawLesson(root, {
          step,
          place,
          dump: store.get().dump,
          inspector,
          isSample: () => store.get().beside === SAMPLE,
          linkHere,
          placed: (/** @type {Record<string, string>} */ lessonPlace) => store.set({ lessonPlace }),
          goTo: (/** @type {number} */ next) => store.set({ lesson: next }),
          close: () => store.set({ lesson: null }),
          isOpen: () => store.get().lesson !== null,
        });
      } catch (error) {
        fill(
          root,
          h(
            "div",
            { class: "message" },
            h("p", { class: "what" }, `The lesson could not be loaded: ${error instanceof Error ? error.message : error}`),
            h("div", { class: "buttons" }, h("button", { type: "button", on: { click: () => store.set({ lesson: null }) } }, "Back")),
          ),
        );
      }
    },
  );
}
