// The core speaks of settings by their flags, as the command line has them; the page has fields with labels. Its messages are turned here.

/** @import { State } from "./types.js" */
import { paramsOf } from "./settings.js";

/** How arrays are to be read: the form's labels by flag. */
export const MAPPING_WORDS = { "tensor-names": "Names", axes: "Axes", "kv-heads": "KV heads", bits16: "16-bit integers are" };

/** Flags whose mention ends in nothing that the page has. */
const FLAG = /--([a-z][a-z0-9-]*)/g;
/** Settings as the core names them in errors, with or without dashes. */
const BARE = /\b(lossless-first-n|min-seq-len|max-seq-len|compress-mode|zstd-level)\b/g;

/**
 * A message of the core with the labels of the page's fields in place of flags.
 * @param {Pick<State, "specs">} state @param {string} text
 */
export function inWords({ specs }, text) {
  /** @type {Map<string, string>} */
  const labels = new Map(Object.entries(MAPPING_WORDS));
  for (const spec of specs) for (const { flag, label } of paramsOf(spec)) labels.set(flag, label);
  /** @param {string} whole @param {string} flag */
  const label = (whole, flag) => {
    if (labels.has(flag)) return `“${labels.get(flag)}”`;
    // Limits that only the command line can raise.
    return flag.startsWith("max-") ? `the command line’s ${whole}` : whole;
  };
  return text.replace(FLAG, label).replace(BARE, label);
}
