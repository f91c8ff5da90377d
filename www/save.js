// Gives the reader a file that was made in this tab.

import { h } from "./dom.js";

/** @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  // A name with a folder in it would lose the folder anyway: it becomes part of the name.
  h("a", { href: url, download: name.replaceAll("/", "_") }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
