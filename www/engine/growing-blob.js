// A Blob that grows by pieces. It may lie on the disk: memory holds only what has come since the last of them went in.

/** Bytes of pieces that are held in memory. */
const HELD_BYTES = 16 << 20;

export class GrowingBlob {
  #blob = new Blob();
  /** @type {Uint8Array<ArrayBuffer>[]} */
  #pieces = [];
  #held = 0;

  /** Bytes so far. */
  get size() {
    return this.#blob.size + this.#held;
  }

  /** @param {Uint8Array<ArrayBuffer>} piece */
  add(piece) {
    this.#held += piece.length;
    this.#pieces.push(piece);
    if (this.#held > HELD_BYTES) this.all();
  }

  /** All pieces so far. @returns {Blob} */
  all() {
    if (this.#pieces.length > 0) this.#blob = new Blob([this.#blob, ...this.#pieces]);
    this.#pieces = [];
    this.#held = 0;
    return this.#blob;
  }
}
