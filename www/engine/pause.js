// Lets messages and the user's events in.

const channel = new MessageChannel();
/** @type {(() => void)[]} */
const waiting = [];
channel.port1.onmessage = () => waiting.shift()?.();

/**
 * Time-outs of 0 are stretched to 4 ms by browsers; a message to oneself isn't.
 * @param {number} ms
 * @returns {Promise<void>}
 */
export function pause(ms) {
  return new Promise((resolve) => {
    if (ms > 0) return setTimeout(resolve, ms);
    waiting.push(resolve);
    channel.port2.postMessage(0);
  });
}
