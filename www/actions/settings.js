// The settings as a reader changes them, kept in step with what the core says of them.

/** @import { Engine } from "../engine/client.js" */
/** @import { State } from "../types.js" */
/** @import { Store } from "../store.js" */
import { changedSettings, withValue } from "../settings.js";
import { failureOf } from "./failure.js";

/** How long typing has to pause before the core is asked about the settings. */
const PLAN_PAUSE_MS = 150;

/** @param {Store<State>} store @param {Promise<Engine>} engine */
export function settingsActions({ get, set, watch }, engine) {
  /** @param {string} flag @param {string} text */
  const setValue = (flag, text) => set({ values: withValue(get(), flag, text) });

  /** @param {string} analysis */
  const pick = (analysis) => set({ analysis });

  /** Takes settings that a chart offers, and their analysis. @param {string} analysis @param {Record<string, string>} settings */
  function take(analysis, settings) {
    pick(analysis);
    for (const [flag, text] of Object.entries(settings)) setValue(flag, text);
  }

  /** From now on the core is asked about each change. */
  function follow() {
    let timer = 0;
    watch(
      ({ analysis, values, dump, running }) => [analysis, values, dump, running === null],
      () => {
        clearTimeout(timer);
        timer = setTimeout(updatePlan, PLAN_PAUSE_MS);
      },
    );
  }

  async function updatePlan() {
    const { running, analysis } = get();
    if (running) return;
    const settings = changedSettings(get());
    try {
      const plan = await (await engine).plan(analysis, settings);
      // An answer to settings that have changed since would be a wrong one.
      if (get().analysis !== analysis || !same(settings, changedSettings(get()))) return;
      // Without a dump only what is wrong counts: its zero captures would be said of the next dump, until that is planned.
      set({ plan: get().dump?.captures || plan.errors.length > 0 ? plan : null });
    } catch (error) {
      set({ runFailure: failureOf(error) });
    }
  }

  return { setValue, pick, take, follow };
}

/** @param {object} a @param {object} b */
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
