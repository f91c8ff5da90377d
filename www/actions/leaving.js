// What a reload or a closed tab would lose: settings of every tab are kept for the tab's life, and leaving with results is asked about.

/** @import { State } from "../types.js" */
/** @import { Store } from "../store.js" */
import { isEmbedded } from "../dom.js";

const KEY = "kvlens-settings";

/** The settings from before a reload of this tab; nothing on a first visit, whose settings are the link's. @returns {Partial<State>} */
export function settingsBefore() {
  const [visit] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  if (visit?.type !== "reload" && visit?.type !== "back_forward") return {};
  try {
    const { values } = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
    return values && typeof values === "object" ? { values: { "": {}, ...values } } : {};
  } catch {
    // Storage is refused, or holds what another version wrote: the defaults and the link say all.
    return {};
  }
}

/** @param {Store<State>} store @param {() => boolean} isAllKept whether the next visit has every result again */
export function guardLeaving({ get, watch }, isAllKept) {
  watch(
    (state) => state.values,
    (values) => {
      try {
        sessionStorage.setItem(KEY, JSON.stringify({ values }));
      } catch {
        // Storage is refused: a reload forgets the settings of the other tabs.
      }
    },
  );
  // A frame computes its result again; the page around it is not its own to hold.
  if (isEmbedded()) return;
  addEventListener("beforeunload", (event) => {
    const { outcomes, running, writing } = get();
    if (running || writing || (!isAllKept() && outcomes.some(({ report }) => report))) event.preventDefault();
  });
}
