// Archives in the formats that people have, by writers that share nothing with kvlens' own. They run in Node and in a page, and give
// parts to join: an archive of Blobs takes no more room than the Blobs.

/**
 * @typedef {object} Member a file in an archive
 * @property {string} path
 * @property {Uint8Array<ArrayBuffer> | Blob} data
 * @property {number} [crc]       CRC-32 of the file; zip only
 * @property {number} [unpacked]  its size, where `data` is deflated; zip only
 */
/** @typedef {(Uint8Array<ArrayBuffer> | Blob)[]} Parts */

/** What a 32-bit field holds whose value is in the zip64 part. */
const WIDE = 0xffffffff;
const BLOCK = 512;
const text = new TextEncoder();

const TABLE = Int32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

/** @param {Uint8Array} bytes */
export function crc32(bytes) {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}

/** @param {Uint8Array | Blob} data */
const sizeOf = (data) => ("size" in data ? data.size : data.length);

/** Little-endian numbers: [bytes, value] each. @param {[2 | 4 | 8, number][]} numbers @returns {Uint8Array<ArrayBuffer>} */
function little(...numbers) {
  const view = new DataView(new ArrayBuffer(numbers.reduce((sum, [width]) => sum + width, 0)));
  let at = 0;
  for (const [width, value] of numbers) {
    if (width === 2) view.setUint16(at, value, true);
    else if (width === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += width;
  }
  return new Uint8Array(view.buffer);
}

/** A zip archive (PKWARE APPNOTE 6.3.10), with zip64 records where they are needed. @param {Iterable<Member>} members @returns {Parts} */
export function zip(members) {
  /** @type {Parts} */
  const parts = [];
  /** @type {Parts} */
  const directory = [];
  let [offset, count] = [0, 0];
  for (const { path, data, crc = 0, unpacked } of members) {
    const name = text.encode(path);
    const packed = sizeOf(data);
    const size = unpacked ?? packed;
    const wide = offset >= WIDE;
    const version = wide ? 45 : 20;
    /** @type {[2 | 4 | 8, number][]} both headers have them: flags, method, time, date, checksum, sizes, length of the name */
    const shared = [
      [2, version],
      [2, 0x800],
      [2, unpacked === undefined ? 0 : 8],
      [2, 0],
      [2, 33],
      [4, crc],
      [4, packed],
      [4, size],
      [2, name.length],
    ];
    const local = [little([4, 0x04034b50], ...shared, [2, 0]), name];
    const extra = wide ? little([2, 1], [2, 8], [8, offset]) : new Uint8Array();
    directory.push(
      little([4, 0x02014b50], [2, version], ...shared, [2, extra.length], [2, 0], [2, 0], [2, 0], [4, 0], [4, wide ? WIDE : offset]),
      name,
      extra,
    );
    parts.push(...local, data);
    offset += local[0].length + name.length + packed;
    count++;
  }
  const length = directory.reduce((sum, part) => sum + sizeOf(part), 0);
  const wide = offset >= WIDE;
  if (wide) {
    directory.push(
      little([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, count], [8, count], [8, length], [8, offset]),
      little([4, 0x07064b50], [4, 0], [8, offset + length], [4, 1]),
    );
  }
  directory.push(little([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, length], [4, wide ? WIDE : offset], [2, 0]));
  return [...parts, ...directory];
}

/** A tar archive (POSIX ustar); paths have at most 100 bytes. @param {Iterable<Member>} members @returns {Parts} */
export function tar(members) {
  /** @type {Parts} */
  const parts = [];
  for (const { path, data } of members) {
    const size = sizeOf(data);
    const header = new Uint8Array(BLOCK);
    const put = (/** @type {number} */ at, /** @type {string} */ value) => header.set(text.encode(value), at);
    put(0, path);
    put(100, "0000644\0");
    put(124, `${size.toString(8).padStart(11, "0")}\0`);
    put(136, "00000000000\0");
    put(148, "        0");
    put(257, "ustar\x0000");
    put(
      148,
      `${header
        .reduce((sum, byte) => sum + byte)
        .toString(8)
        .padStart(6, "0")}\0 `,
    );
    parts.push(header, data, new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK));
  }
  return [...parts, new Uint8Array(2 * BLOCK)];
}

/** An array of fp16 values as numpy saves it (NEP 1, version 1.0). @param {number[]} shape @param {Uint8Array} values @returns {Uint8Array<ArrayBuffer>} */
export function npy(shape, values) {
  const told = `{'descr': '<f2', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`;
  const start = 10;
  // The values begin at a multiple of 64.
  const header = text.encode(`${told.padEnd(Math.ceil((start + told.length + 1) / 64) * 64 - start - 1)}\n`);
  const file = new Uint8Array(start + header.length + values.length);
  file.set([0x93, ...text.encode("NUMPY"), 1, 0, ...little([2, header.length])]);
  file.set(header, start);
  file.set(values, start + header.length);
  return file;
}
