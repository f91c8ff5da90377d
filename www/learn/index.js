// "Look inside": a lesson in seven steps on real values, from the page's dump or, where there is none, from the sample.
// Each step has its link, `#learn=3`, which also holds the values looked at. All numbers are the core's; this module only asks and shows.

import { fill, h } from "../dom.js";
import { loadPlot, stylesheet } from "../charts/index.js";
import { copyButton } from "../views/copy.js";
import { save } from "../save.js";
import { curveFigure } from "./curve.js";
import { frame } from "./frame.js";
import { handout } from "./handout.js";
import { placeOf, textsOf } from "./place.js";
import { stepContent } from "./content.js";
import { endWhenIdle, heldWhile } from "./sample-engine.js";
import { lessonSource } from "./source.js";
import { fillPicker } from "./picker.js";
import { lossySetting } from "./setting.js";
import { STEPS } from "./steps.js";
import { viewOf } from "./view.js";

/** @typedef {import("./source.js").Source} Source */
/**
 * What the page tells the lesson and hears of it.
 * @typedef {object} Page
 * @property {number} step                           from 1
 * @property {Record<string, string>} place          what the link says of the values to show
 * @property {unknown} dump                          the page's; another one is read anew
 * @property {import("../engine/inspector.js").Inspector} inspector
 * @property {() => boolean} isSample  whether the page's dump is the sample
 * @property {() => string} linkHere
 * @property {(place: Record<string, string>) => void} placed
 * @property {(step: number) => void} goTo           the steps' links are the page's to follow: it calls again
 * @property {() => void} close
 * @property {() => boolean} isOpen
 */

/** The last lesson that was opened, and where. @type {{ root: Element, go: (page: Page) => void, showsSample: () => boolean } | null} */
let open = null;
heldWhile(() => open !== null && open.root.isConnected && open.showsSample());

/** The reader has left it. */
export const leaveLesson = endWhenIdle;

/**
 * Shows a step of the lesson in `container`; the lesson is made where the container does not hold it yet.
 * @param {HTMLElement} container @param {Page} page
 */
export async function drawLesson(container, page) {
  await Promise.all([learnStyle(), loadPlot()]);
  // Left before it was there.
  if (!page.isOpen()) return;
  if (open && container.contains(open.root)) return open.go(page);
  open = makeLesson(container, page);
}

/** @type {Promise<unknown> | undefined} */
let style;
const learnStyle = () => (style ??= stylesheet(new URL("learn.css", import.meta.url)));

/** @param {HTMLElement} container @param {Page} page */
function makeLesson(container, { step, place, dump, inspector, isSample, linkHere, placed, goTo, close }) {
  /** @type {import("./place.js").Place & { step: number }} */
  const at = { step, capture: 0, tensor: "k", token: 0, head: 0, first: 0, method: "truncate", bits: 6 };
  /** What a link wants, until there are values. */
  let wanted = place;
  /** @type {Source | null} */
  let source = null;
  const changed = () => {
    if (source) placed(textsOf(at, source.captures));
    void content.refresh();
  };
  const slider = lossySetting(at, changed);
  const curve = curveFigure();
  const onStep = (/** @type {number | null} */ to) => (to === null ? close() : goTo(to));
  const tools = [copyButton("Copy link to this", "link", linkHere), handoutButton(saveHandout)];
  const { root, picker, origin, body, showStep, focusTitle } = frame(slider.node, step, onStep, tools);
  const content = stepContent(body, slider, {
    isReady: () => source !== null,
    look: async (step, isWanted) => source && viewOf(source, at, step, curve, isWanted),
    failed,
  });
  // The step's name and the ways from it stand there before there are values, and where there are none.
  showStep(inRange(step));
  slider.node.hidden = true;
  fill(container, root);
  void load();
  // Until it has read where its values come from, they may be the sample's.
  return { root, go, showsSample: () => source === null || source.own };

  async function load() {
    fill(body, h("p", { class: "muted" }, "Reading …"));
    try {
      const asked = dump;
      const found = await lessonSource(inspector, isSample());
      // Where the dump has changed meanwhile, what is read next counts.
      if (asked !== dump) return;
      const before = source ? textsOf(at, source.captures) : null;
      source = found;
      if (!source.own) endWhenIdle();
      settle(before ?? wanted);
      if (before) placed(textsOf(at, source.captures));
      origin.textContent = originOf(source);
      enter(at.step);
    } catch (error) {
      failed(error);
    }
  }

  /** @param {Record<string, string>} texts of a link */
  function settle(texts) {
    if (!source) return;
    Object.assign(at, placeOf(texts, source.captures));
    slider.sync();
    fillPicker(picker, source, at, changed);
  }

  /** @param {Page} page */
  function go({ step: to, place: texts, dump: now }) {
    if (now !== dump) {
      dump = now;
      void load();
    }
    if (!source) wanted = texts;
    const elsewhere = source && Object.keys(texts).length > 0 && JSON.stringify(texts) !== JSON.stringify(textsOf(at, source.captures));
    if (elsewhere) settle(texts);
    if (to === at.step) return elsewhere ? void content.refresh() : undefined;
    enter(to);
    focusTitle();
  }

  /** @param {number} step as the link has it */
  function enter(step) {
    at.step = inRange(step);
    showStep(at.step);
    content.enter(at.step);
  }

  async function saveHandout() {
    if (!source) return;
    await handout(source, at, curve)
      .then((page) => save(page, "kvlens-handout.html"))
      .catch(failed);
  }

  /** @param {unknown} error */
  function failed(error) {
    slider.node.hidden = true;
    fill(
      body,
      failure(error, () => void load()),
    );
  }
}

/** @param {number} step as a link has it */
const inRange = (step) => Math.min(STEPS.length, Math.max(1, step));

/** @param {Source} source */
const originOf = ({ sample }) =>
  sample
    ? "Real values of the sample: SmolLM2-135M, the longest capture of each layer. Add a dump to see your own."
    : "Values of your dump: the longest capture of each layer.";

/** @param {unknown} error @param {() => void} again */
const failure = (error, again) => [
  h("p", { role: "alert" }, `${error instanceof Error ? error.message : error}`),
  h("button", { type: "button", on: { click: again } }, "Try again"),
];

/** @param {() => Promise<void>} make */
function handoutButton(make) {
  const text = "Handout to print";
  const button = h("button", { type: "button", class: "quiet", on: { click: () => void press() } }, text);
  async function press() {
    button.disabled = true;
    button.textContent = "Making the handout …";
    await make();
    button.disabled = false;
    button.textContent = text;
  }
  return button;
}
