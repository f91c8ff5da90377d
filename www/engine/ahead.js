// Reads the captures of a run before their turn, several at once: their bytes are there when the pool has room for the next.

import { read, release } from "./reader.js";

/** @import { Session } from "./glue.js" */
/** @import { Kept } from "./reader.js" */

/** Read-ahead window: captures, and bytes of them. */
const READ_AHEAD = 64;
const READ_AHEAD_BYTES = 8 << 20;
/** Batch limits within the read-ahead window. */
const BATCH = 16;
const BATCH_BYTES = 1 << 20;

/** @typedef {{ file: number, start: number, blob: Blob }} Part of a capture */

export class Ahead {
  #session;
  #kept;
  #arrived;
  /** @type {{ captures: number, bytes: number, done: boolean, all: Promise<void> }[]} of the captures that come next */
  #batches = [];
  #captures = 0;
  #bytes = 0;

  /**
   * @param {Session} session
   * @param {Kept} kept
   * @param {(part: Part, bytes: Uint8Array) => void} arrived takes what was read
   */
  constructor(session, kept, arrived) {
    this.#session = session;
    this.#kept = kept;
    this.#arrived = arrived;
    this.#fill();
  }

  /** Whether the next capture can be fetched without waiting for the browser, or was not to be read ahead. */
  isReady() {
    return this.#batches[0]?.done ?? true;
  }

  async ready() {
    await this.#batches[0]?.all;
  }

  /** The next capture was fetched. */
  next() {
    const batch = this.#batches[0];
    if (!batch) return;
    this.#captures--;
    if (--batch.captures === 0) {
      this.#batches.shift();
      this.#bytes -= batch.bytes;
    }
    this.#fill();
  }

  #fill() {
    while (this.#captures + BATCH <= READ_AHEAD && this.#bytes < READ_AHEAD_BYTES) {
      /** @type {Part[]} */
      const parts = [];
      const batch = { captures: 0, bytes: 0, done: false, all: Promise.resolve() };
      while (batch.captures < BATCH && batch.bytes < BATCH_BYTES) {
        const wanted = this.#session.ahead();
        if (!wanted) break;
        batch.captures++;
        for (let i = 0; i < wanted.length; i += 3) {
          const [file, start, blob] = wanted.slice(i, i + 3);
          parts.push({ file, start, blob });
          batch.bytes += blob.size;
        }
      }
      if (!batch.captures) return;
      const unread = parts.filter((part) => !this.#recall(part));
      batch.done = !unread.length;
      batch.all = this.#read(unread).then(() => void (batch.done = true));
      this.#captures += batch.captures;
      this.#bytes += batch.bytes;
      this.#batches.push(batch);
    }
  }

  /** @param {Part} part */
  #recall(part) {
    const bytes = this.#kept.get(part.blob);
    if (bytes) this.#arrived(part, bytes);
    return bytes !== undefined;
  }

  /** @param {Part[]} parts */
  async #read(parts) {
    const contents = read(parts.map(({ blob }) => blob));
    await Promise.all(
      parts.map(async (part, i) => {
        const bytes = await contents[i];
        if (!bytes) return;
        this.#kept.add(part.blob, bytes);
        this.#arrived(part, bytes);
        release(part.blob, bytes);
      }),
    );
  }
}
