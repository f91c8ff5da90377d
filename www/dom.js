// Elements from functions. Texts become text nodes only, so nothing that a file says can turn into markup.

/** What steers in place of being seen: controls (but line breaks, which pages of ours have), and marks of direction. */
const STEERS = /[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * A text of a dump (names of files, runs, stages) as it may be shown: what steers is written out, as in `\u202e`. Every text and
 * attribute of {@link h} goes through it.
 * @param {string} text
 */
export const plain = (text) => text.replace(STEERS, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** The texts of an element that others made, such as a chart. @param {Element} element */
export function plainTexts(element) {
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.nodeValue = plain(texts.currentNode.nodeValue ?? "");
}

/** Whether the page is a frame in another one, with one result: theme.js sees to it before anything is drawn. */
export const isEmbedded = () => document.documentElement.dataset.embed !== undefined;

/** @typedef {Node | string | number | null | undefined | false | any[]} Child */

/**
 * `on` holds listeners, `style` goes through CSSOM (inline style attributes are refused by the page's policy),
 * `true` is a bare attribute, `false`, null and undefined leave it out.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "on") for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
    else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else element.setAttribute(name, value === true ? "" : plain(String(value)));
  }
  append(element, children);
  return element;
}

/** @param {Element} element @param {Child[]} children */
function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : plain(String(child)));
  }
}

/** Puts `children` in the place of what `element` holds. @param {Element} element @param {...Child} children */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no #${id}`);
  return element;
}
