// What makes a result say something else than its reader thinks, a line each, with the setting that mends it one click away.

/** @import { App } from "../app.js" */
/** @import { Caveat, Mend } from "../engine/core.js" */
/** @import { State } from "../types.js" */
import { byId, h } from "../dom.js";
import { paramsOf, specOf } from "../settings.js";

/** @param {App} app @param {string} analysis whose settings mend them @param {Caveat[]} caveats */
export function caveatList(app, analysis, caveats) {
  if (caveats.length === 0) return null;
  return h(
    "ul",
    { class: "caveats", "aria-label": "What these figures hide" },
    caveats.map((caveat) => line(app, analysis, caveat)),
  );
}

/** @param {App} app @param {string} analysis @param {Caveat} caveat */
function line(app, analysis, { kind, message, mend, mended }) {
  const mark = h("span", { class: "caveat-mark" }, mended ? "Mended:" : "Note:");
  return h(
    "li",
    { "data-kind": kind, class: mended ? "mended" : false },
    h("p", {}, mark, " ", `${message}.`),
    mend && mendButton(app, analysis, mend),
  );
}

/** @param {App} app @param {string} analysis @param {Mend} mend */
function mendButton(app, analysis, { flag, value }) {
  const again = () => {
    app.take(analysis, { [flag]: value });
    // The button goes away with this result.
    byId("result").focus({ preventScroll: true });
    void app.run();
  };
  return h("button", { type: "button", on: { click: again } }, `${nameOf(app.store.get(), analysis, flag, value)} and run again`);
}

/** "Trim zeros", "fp32 as bf16". @param {State} state @param {string} analysis @param {string} flag @param {string} value */
function nameOf(state, analysis, flag, value) {
  const spec = specOf(state, analysis);
  const param = spec && paramsOf(spec).find((each) => each.flag === flag);
  if (!param) return flag;
  return param.kind.type === "switch" ? param.label : `Take ${param.label} ${value}`;
}
