// The page's state and what a reader can do, which is in actions/: the only modules of the page that talk to its engine.

/** @import { State } from "./types.js" */
/** @import { Store } from "./store.js" */
import { dumpActions } from "./actions/dump.js";
import { failureOf } from "./actions/failure.js";
import { runActions } from "./actions/run.js";
import { settingsActions } from "./actions/settings.js";
import { Engine, startOptions } from "./engine/client.js";
import { onUpdate } from "./engine/isolation.js";
import { lessonStep, stateOfHash } from "./link.js";
import { sampleFiles } from "./sample.js";
import { createStore } from "./store.js";

/** @returns {State} */
const initialState = () => ({
  engine: { status: "starting", info: null, failure: null },
  specs: [],
  formats: [],
  dump: null,
  mapping: {},
  beside: "",
  offer: null,
  reading: null,
  dumpFailure: null,
  analysis: "",
  values: { "": {} },
  verify: true,
  plan: null,
  running: null,
  runFailure: null,
  outcomes: [],
  shown: null,
  comparedTo: null,
  lesson: lessonStep(location.hash),
  update: null,
});

/** @typedef {ReturnType<typeof createApp>} App */

export function createApp() {
  /** @type {Store<State>} */
  const store = createStore(initialState());
  const { get, set } = store;
  const engine = Engine.start(startOptions());
  const dump = dumpActions(store, engine);
  const { follow, ...settings } = settingsActions(store, engine);
  const runs = runActions(store, engine);

  async function start() {
    void onUpdate((update) => set({ update }));
    try {
      const started = await engine;
      const [specs, formats] = await Promise.all([started.specs(), started.formats()]);
      const { info } = started;
      set({ engine: { status: "ready", info, failure: null }, specs, formats, ...stateOfHash({ ...get(), specs }, location.hash) });
      follow(dump);
      if (Object.keys(get().mapping).length > 0) await dump.setMapping(get().mapping);
      if (get().beside) void dump.openBeside();
    } catch (error) {
      set({ engine: { status: "failed", info: null, failure: failureOf(error) } });
    }
  }

  /** The sample, and its first result at once. */
  async function trySample() {
    const usable = await dump.add(sampleFiles());
    if (usable && get().outcomes.length === 0) await runs.run();
  }

  return { store, start, trySample, ...dump, ...settings, ...runs };
}
