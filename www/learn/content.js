// What stands below a step's name: first its question, and once the reader has answered, what was expected and what is so.

/** @import { View } from "./view.js" */
import { fill, h } from "../dom.js";
import { exercise, prediction, verdict } from "./questions.js";
import { STEPS } from "./steps.js";
import { LOSSY } from "./view.js";

/**
 * @param {HTMLElement} body
 * @param {ReturnType<typeof import("./setting.js").lossySetting>} slider of the step of lossy settings
 * @param {object} values
 * @param {() => boolean} values.isReady  whether there are any
 * @param {(step: number, isWanted: () => boolean) => Promise<View | null>} values.look  asks the core for what a step shows; null where that is wanted no more
 * @param {(error: unknown) => void} values.failed
 */
export function stepContent(body, slider, { isReady, look, failed }) {
  /** What the reader expects of each step, by its place among the answers. @type {Map<number, number>} */
  const predicted = new Map();
  let shown = 1;
  let solved = false;
  const { refresh, isStale } = oneAtATime(showOnce, failed);
  return { enter, refresh };

  /** @param {number} step */
  function enter(step) {
    shown = step;
    solved = false;
    fill(body);
    void refresh();
  }

  async function showOnce() {
    if (!isReady()) return;
    const step = shown;
    const guess = predicted.get(step);
    // It stays where it is while the step below is drawn again: a slider that is moved in the document loses the pointer.
    slider.node.hidden = step !== LOSSY || guess === undefined;
    if (guess === undefined) {
      fill(
        body,
        prediction(STEPS[step - 1], (chosen) => predict(step, chosen)),
      );
      return;
    }
    if (step === LOSSY + 1 && body.childElementCount === 0) fill(body, h("p", { class: "muted" }, "Measuring 16 settings …"));
    const view = await look(step, () => !isStale());
    if (!view || shown !== step) return;
    slider.follow(view.lesson.layout[2]);
    const task = exercise(STEPS[step - 1], view, solved);
    task.addEventListener("toggle", () => (solved = task.open));
    fill(body, verdict(STEPS[step - 1], view, guess), STEPS[step - 1].draw(view), task);
  }

  /** @param {number} step @param {number} chosen */
  function predict(step, chosen) {
    predicted.set(step, chosen);
    fill(body);
    void refresh().then(() => /** @type {HTMLElement | null} */ (body.querySelector(".verdict"))?.focus({ preventScroll: true }));
  }
}

/**
 * Does what is asked for one at a time: of what is asked for meanwhile, only the last is done, after it.
 * @param {() => Promise<void>} job @param {(error: unknown) => void} failed
 */
function oneAtATime(job, failed) {
  let going = false;
  let again = false;
  async function refresh() {
    again = true;
    if (going) return;
    going = true;
    while (again) {
      again = false;
      await job().catch(failed);
    }
    going = false;
  }
  return { refresh, isStale: () => again };
}
