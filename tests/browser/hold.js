// Stops the writing of a file at its next progress message, so that a state that passes can be looked at for as long as it takes.
import assert from "node:assert/strict";

/** @import { Page } from "playwright-core" */

/**
 * To be called before what makes progress is started; one hold at a time.
 * @param {Page} page
 * @returns {Promise<() => Promise<void>>} lets it go on
 */
export async function holdAtProgress(page) {
  const coordinator = page.workers().find((each) => each.url().includes("coordinator"));
  assert(coordinator, "the page has a coordinator");
  /** @type {(route: import("playwright-core").Route) => void} */
  let asked = () => {};
  /** @type {Promise<import("playwright-core").Route>} */
  const held = new Promise((resolve) => (asked = resolve));
  await page.route("**/hold", (route) => asked(route));
  await coordinator.evaluate(() => {
    const post = self.postMessage.bind(self);
    let held = false;
    Object.assign(self, {
      postMessage: (/** @type {any} */ message, /** @type {any} */ transfer) => {
        post(message, transfer);
        // That of a run or an estimate tells of captures.
        if (held || message.progress?.read === undefined) return;
        held = true;
        // A worker waits for the answer of a synchronous request.
        const request = new XMLHttpRequest();
        request.open("GET", new URL("hold", location.origin), false);
        request.send();
      },
    });
  });
  return async () => {
    await (await held).fulfill({ body: "" });
    await page.unroute("**/hold");
  };
}
