// What goes on between page and coordinators, in the order in which it happened: it tells who waited for whom without a clock.

/**
 * What the page asks of a coordinator ("1 run"), what it learns of it ("1 has measured", "1 is idle"), and when it ends it ("1 ends");
 * they are numbered as they come. A "turn" is the page's own: it stands wherever the page was free for another task in between.
 * @param {import("playwright-core").Page} page
 * @returns {Promise<void>} what happened is the page's global `happened`, which the test may add to
 */
export function watchCoordinators(page) {
  return page.evaluate(() => {
    /** @type {string[]} */
    const happened = [];
    Object.assign(window, { happened });
    const turns = new MessageChannel();
    turns.port1.onmessage = () => {
      if (happened.at(-1) !== "turn") happened.push("turn");
      turns.port2.postMessage(0);
    };
    turns.port2.postMessage(0);

    /** @type {Map<Worker, number>} */
    const known = new Map();
    /** @param {Worker} worker */
    const listen = (worker) => {
      const number = known.size + 1;
      known.set(worker, number);
      worker.addEventListener("message", ({ data: { progress, result } }) => {
        // A run tells its captures, packing its layers.
        if ((progress?.captures ?? progress?.read) > 0) happened.push(`${number} has measured`);
        if (result === true) happened.push(`${number} is idle`);
      });
    };
    const { postMessage, terminate } = Worker.prototype;
    Worker.prototype.postMessage = function (/** @type {any} */ message, /** @type {any} */ transfer) {
      // The pool's threads are not asked by methods.
      if (message.method) {
        if (!known.has(this)) listen(this);
        happened.push(`${known.get(this)} ${message.method}`);
      }
      postMessage.call(this, message, transfer);
    };
    Worker.prototype.terminate = function () {
      if (known.has(this)) happened.push(`${known.get(this)} ends`);
      terminate.call(this);
    };
  });
}
