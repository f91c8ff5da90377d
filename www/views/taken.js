// Settings that a chart or an answer offers are taken, and the page goes to where they went: the button that was pressed is often far below.

/** @import { App } from "../app.js" */
import { byId } from "../dom.js";
import { SPLIT, paramsOf, specOf } from "../settings.js";

/** How long the fields that changed are marked. */
const MARKED_MS = 4000;

/** @param {App} app @param {string} analysis @param {Record<string, string>} settings */
export function takeAndShow(app, analysis, settings) {
  app.take(analysis, settings);
  byId(SPLIT in settings ? "split" : "analysis").scrollIntoView({ block: "start" });
  byId(`tab-${analysis}`).focus({ preventScroll: true });
  const spec = specOf(app.store.get(), analysis);
  if (!spec) return;
  const words = paramsOf(spec).flatMap(({ flag, label }) => (flag in settings ? [`${label} ${settings[flag]}`] : []));
  byId("announce").textContent = `${spec.label} has these settings: ${words.join(", ")}`;
  for (const flag of Object.keys(settings)) {
    const field = document.querySelector(`[data-flag="${flag}"]`);
    field?.classList.add("taken");
    setTimeout(() => field?.classList.remove("taken"), MARKED_MS);
  }
}
