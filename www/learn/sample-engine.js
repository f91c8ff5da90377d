// The engine that holds the sample for the lesson, where the page has no dump: one of the lesson's own, so that the page's dump stays empty.
// It starts when it is first asked. It ends, and starts again when needed, once the lesson does not show the sample any more and nothing is
// asked of it: a handout may still be under way then.

import { Engine } from "../engine/client.js";
import { inspectorOf } from "../engine/inspector.js";
import { sampleFiles } from "../sample.js";

/** Longer than a handout takes between two questions. */
const IDLE_MS = 1500;

/** @type {Promise<Engine> | undefined} */
let engine;
/** Questions under way. */
let asking = 0;
let timer = 0;
/** Whether the lesson shows the sample. */
let isShown = () => false;

/** @param {() => boolean} shown whether the lesson shows the sample */
export function heldWhile(shown) {
  isShown = shown;
}

export const sampleInspector = inspectorOf(async (question) => {
  asking += 1;
  try {
    engine ??= start();
    return await question(await engine);
  } finally {
    asking -= 1;
    endWhenIdle();
  }
});

async function start() {
  /** @type {Engine | undefined} */
  let started;
  try {
    started = await Engine.start({ kind: "serial" });
    await started.addFiles(await sampleFiles());
    return started;
  } catch (error) {
    // The next question tries again.
    engine = undefined;
    started?.stop();
    throw error;
  }
}

/** To be called, too, when the lesson may have ceased to show the sample. */
export function endWhenIdle() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (asking > 0 || isShown()) return;
    void engine?.then((started) => started.stop());
    engine = undefined;
  }, IDLE_MS);
}
