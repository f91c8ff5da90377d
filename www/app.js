// The page's state and what a reader can do, which is in actions/: the only modules of the page that talk to its engine.

/** @import { State } from "./types.js" */
/** @import { Store } from "./store.js" */
import { followAddress, resultsOf } from "./actions/address.js";
import { dumpActions } from "./actions/dump.js";
import { estimateActions } from "./actions/estimate.js";
import { failureOf } from "./actions/failure.js";
import { fetchActions } from "./actions/fetching.js";
import { guardLeaving, settingsBefore } from "./actions/leaving.js";
import { keepingActions } from "./actions/keeping.js";
import { outcomeActions } from "./actions/outcomes.js";
import { runActions } from "./actions/run.js";
import { settingsActions } from "./actions/settings.js";
import { writingActions } from "./actions/writing.js";
import { Engine, startOptions } from "./engine/client.js";
import { onUpdate } from "./engine/isolation.js";
import { asksToRun, lessonPlace, lessonStep, stateOfHash } from "./link.js";
import { SAMPLE, sampleFiles } from "./sample.js";
import { createStore } from "./store.js";

/** @returns {State} */
const initialState = () => ({
  engine: { status: "starting", info: null, failure: null },
  specs: [],
  formats: [],
  dump: null,
  sources: [],
  leftOut: [],
  mapping: {},
  beside: "",
  offer: null,
  reading: null,
  fetching: null,
  dumpFailure: null,
  analysis: "",
  values: { "": {} },
  verify: true,
  plan: null,
  running: null,
  ended: null,
  writing: false,
  runFailure: null,
  outcomes: [],
  shown: null,
  comparedTo: null,
  estimate: null,
  glimpse: null,
  noGlimpse: false,
  serve: "llama.cpp",
  lesson: lessonStep(location.hash),
  // The lesson opens before the engine is there, where the link names it.
  lessonPlace: lessonPlace(location.hash),
  strangeKeys: [],
  kept: false,
  update: null,
});

/** @typedef {ReturnType<typeof createApp>} App */

export function createApp() {
  /** @type {Store<State>} */
  const store = createStore(initialState());
  const { get, set } = store;
  const engine = Engine.start(startOptions());
  const { follow, ...settings } = settingsActions(store, engine);
  const estimates = estimateActions(store, engine);
  const dump = dumpActions(store, engine);
  const fetching = fetchActions(store, dump.add);
  const writing = writingActions(store, engine, estimates.pause);
  const { keep, ...outcomes } = outcomeActions(store);
  const runs = runActions(store, engine, keep, estimates.pause, dump.settled);
  const { bringBack, isAllKept, ...keeping } = keepingActions(store, dump);

  async function start() {
    void onUpdate((update) => set({ update }));
    try {
      const started = await engine;
      const [specs, formats] = await Promise.all([started.specs(), started.formats()]);
      const { info } = started;
      const before = { ...get(), specs, ...settingsBefore() };
      const asked = asksToRun(location.hash);
      set({ engine: { status: "ready", info, failure: null }, specs, formats, ...stateOfHash(before, location.hash) });
      follow();
      guardLeaving(store, isAllKept);
      estimates.follow();
      const bringDump = await bringBack();
      // The result that stood here before a reload; following the address begins with naming what is on screen.
      set(resultsOf(history.state, get().outcomes));
      followAddress(store, { ...dump, ...fetching });
      await bringDump();
      if (Object.keys(get().mapping).length > 0) await dump.setMapping(get().mapping);
      if (get().beside && !get().dump?.captures) void fetching.openBeside().then(() => (asked ? runs.run() : undefined));
    } catch (error) {
      set({ engine: { status: "failed", info: null, failure: failureOf(error) } });
    }
  }

  /** The sample, and its first result at once. */
  async function trySample() {
    if (store.get().reading !== null) return;
    const usable = await fetching.addFetched(SAMPLE, sampleFiles);
    if (usable && get().outcomes.length === 0) await runs.run();
  }

  /** @type {Promise<ReturnType<typeof import("./actions/judging.js").judgingActions>> | undefined} */
  let judging;
  /** Judges a sweep's result by other thresholds. @param {number} id @param {Record<string, string>} thresholds */
  async function judge(id, thresholds) {
    judging ??= import("./actions/judging.js").then(({ judgingActions }) => judgingActions(store, engine));
    await (await judging).judge(id, thresholds);
  }

  return { store, start, trySample, ...dump, ...fetching, ...writing, ...settings, ...runs, ...outcomes, ...keeping, judge };
}
