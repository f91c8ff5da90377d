// Reads what the user gave. A file of a few KB takes the browser about as long as one of 100 KB, since it goes through several of its
// processes and threads. So small files are read many as one, and kept for the next run.

/** Files below this size are small. */
const SMALL = 1 << 18;
/** Most bytes of small files that are kept. */
const KEPT_BYTES = 64 << 20;

/**
 * The bytes of each, in their order; nothing for one that can't be read, and no error: who needs it reads it again when its turn comes
 * and then gets the browser's reason.
 * @param {Blob[]} blobs
 * @returns {Promise<Uint8Array<ArrayBuffer> | undefined>[]}
 */
export function read(blobs) {
  const small = blobs.filter((blob) => blob.size < SMALL);
  const together = readAsOne(small);
  return blobs.map(async (blob) => {
    const index = small.indexOf(blob);
    return index < 0 ? readWhole(blob) : (await together)[index];
  });
}

/**
 * @param {Blob[]} blobs
 * @returns {Promise<(Uint8Array<ArrayBuffer> | undefined)[]>}
 */
async function readAsOne(blobs) {
  if (blobs.length < 2) return Promise.all(blobs.map(readWhole));
  const all = await readWhole(new Blob(blobs));
  // Otherwise one of them can't be read.
  if (!all) return Promise.all(blobs.map(readWhole));
  let end = 0;
  return blobs.map((blob) => all.subarray(end, (end += blob.size)));
}

/**
 * @param {Blob} blob
 * @returns {Promise<Uint8Array<ArrayBuffer> | undefined>}
 */
async function readWhole(blob) {
  const buffer = await blob.arrayBuffer().catch(() => undefined);
  return buffer?.byteLength === blob.size ? new Uint8Array(buffer) : undefined;
}

/** Its other end is closed: what is sent into it goes nowhere. */
const toNobody = new MessageChannel();
toNobody.port2.close();

/**
 * Gives the memory of a large file's bytes back, once they are copied. Left to the garbage collector, gigabytes of them pile up.
 * @param {Blob} blob
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
export function release(blob, bytes) {
  // Small ones share a buffer, or are kept.
  if (blob.size >= SMALL) toNobody.port1.postMessage(bytes.buffer, [bytes.buffer]);
}

/** Cache of small files, capped at KEPT_BYTES. */
export class Kept {
  /** @type {WeakMap<Blob, Uint8Array>} */
  #contents = new WeakMap();
  #room = KEPT_BYTES;

  /** @param {Blob} blob */
  get(blob) {
    return this.#contents.get(blob);
  }

  /**
   * @param {Blob} blob
   * @param {Uint8Array} bytes
   */
  add(blob, bytes) {
    // A part of a file is another object each time.
    if (!(blob instanceof File) || blob.size >= SMALL || bytes.length > this.#room) return;
    this.#contents.set(blob, bytes);
    this.#room -= bytes.length;
  }

  clear() {
    this.#contents = new WeakMap();
    this.#room = KEPT_BYTES;
  }
}
