// Parts of the page that stand in modules of their own, which are loaded when the part is made. The page asks for all of them once it is
// up (main.js), so that nothing is requested any more once a dump is in.

import { fill, h } from "./dom.js";
import { failureBox } from "./views/failure.js";

/**
 * A place for the part until its module is there.
 * @template M
 * @param {() => Promise<M>} load
 * @param {(module: M) => Parameters<typeof fill>[1]} make
 */
export function later(load, make) {
  const place = h("div", { class: "later" });
  load().then(
    (module) => fill(place, make(module)),
    (error) => fill(place, notLoaded(error)),
  );
  return place;
}

/** @param {unknown} error */
export const notLoaded = (error) => failureBox({ message: `A part of the page could not be loaded: ${error}`, hint: "Reload the page." });
