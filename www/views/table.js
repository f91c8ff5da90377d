// A sortable table. Columns say how a row is written and by what it is sorted; figures are right-aligned, units stand in the head.
// Of a long one only the rows in sight are made. It is one tab stop: arrow keys go from head to head, Enter sorts.

/** @import { Child } from "../dom.js" */
import { fill, h } from "../dom.js";
import { scrollable } from "../scrollable.js";

/** A longer table makes only the rows in sight, and so many above and below. */
const LONG = 150;
const AROUND = 20;
/** Rows that fit into the place of a table, before it is laid out; and their height, px. */
const FIRST = 40;
const ROW_PX = 28;

/** On paper stand all rows. @param {boolean} paper else the screen */
const drawFor = (paper) => {
  for (const place of document.querySelectorAll(".table-scroll")) place.dispatchEvent(new CustomEvent("paper", { detail: paper }));
};
addEventListener("beforeprint", () => drawFor(true));
addEventListener("afterprint", () => drawFor(false));

/**
 * @template R
 * @typedef {object} Column
 * @property {string} head
 * @property {string} [unit]
 * @property {string} [title]   what the column is, on hover
 * @property {string} [class]   "k", "v" or "text" (left-aligned)
 * @property {(row: R) => number | string} value  to sort by
 * @property {(row: R) => Child} [cell]           to show; the value itself when absent
 */

/**
 * How a table is sorted, for one that takes its place. @typedef {{ order: { column: number, down: boolean } | null }} Memory
 */

/**
 * @template R
 * @param {string} caption
 * @param {Column<R>[]} columns
 * @param {R[]} rows
 * @param {{ rowClass?: (row: R) => string, memory?: Memory }} [options]
 * @returns {HTMLElement}
 */
export function table(caption, columns, rows, { rowClass = () => "", memory = { order: null } } = {}) {
  let { order } = memory;
  const body = h("tbody");
  const heads = headsOf(columns, sortBy);
  const head = h("thead", {}, h("tr", {}, heads));
  /** @type {R[]} in the order on screen */
  let sorted = [];
  let first = 0;
  let long = rows.length > LONG;
  const place = scrollable(
    caption,
    // Its heads are a tab stop already.
    { class: "table-scroll", tabindex: null, on: long ? { scroll: () => drawRows(), paper } : {} },
    h("table", { "aria-rowcount": long ? rows.length + 1 : null }, h("caption", { class: "visually-hidden" }, caption), head, body),
  );
  draw();
  return place;

  /** @param {number} i */
  function sortBy(i) {
    // Figures are first wanted greatest first, names from the start.
    const downFirst = rows.length > 0 && typeof columns[i].value(rows[0]) === "number";
    order = { column: i, down: order?.column === i ? !order.down : downFirst };
    memory.order = order;
    place.scrollTop = 0;
    draw();
  }

  function draw() {
    sorted = order ? rowsBy(columns[order.column], rows, order.down) : rows;
    heads.forEach((th, i) => {
      if (order?.column === i) th.setAttribute("aria-sort", order.down ? "descending" : "ascending");
      else th.removeAttribute("aria-sort");
    });
    first = -1;
    drawRows();
  }

  /** @param {CustomEvent<boolean>} event */
  function paper({ detail }) {
    long = !detail;
    first = -1;
    // Widths of the screen are none of the paper's.
    for (const th of heads) th.style.removeProperty("min-width");
    drawRows();
  }

  /** The rows in sight and some around them, with room for the others; all of a short table. */
  function drawRows() {
    const height = /** @type {HTMLElement | null} */ (body.querySelector("tr:not([aria-hidden])"))?.offsetHeight || ROW_PX;
    const inSight = place.clientHeight > 0 ? Math.ceil(place.clientHeight / height) : FIRST;
    // In steps, so that not every scrolled pixel makes rows anew.
    const top = Math.floor(place.scrollTop / height / AROUND) * AROUND - AROUND;
    const from = long ? Math.max(0, Math.min(top, sorted.length - inSight)) : 0;
    if (from === first) return;
    first = from;
    const to = long ? Math.min(sorted.length, from + inSight + 3 * AROUND) : sorted.length;
    // Columns that have been wide stay so: they don't jump while rows go by.
    if (long) for (const th of heads) if (th.offsetWidth > 0) th.style.minWidth = `${th.offsetWidth}px`;
    fill(
      body,
      room(from * height, columns.length),
      sorted.slice(from, to).map((row, i) => line(row, from + i)),
      room((sorted.length - to) * height, columns.length),
    );
  }

  /** @param {R} row @param {number} at */
  function line(row, at) {
    return h(
      "tr",
      { class: rowClass(row) || false, "aria-rowindex": long ? at + 2 : null },
      columns.map((column) => h("td", { class: column.class }, (column.cell ?? column.value)(row))),
    );
  }
}

/** The heads, one tab stop with arrow keys between them. @template R @param {Column<R>[]} columns @param {(i: number) => void} sortBy */
function headsOf(columns, sortBy) {
  const buttons = columns.map((column, i) =>
    h(
      "button",
      { type: "button", tabindex: i === 0 ? 0 : -1, on: { click: () => sortBy(i), keydown: walk, focus: () => enter(i) } },
      column.head,
      column.unit && h("span", { class: "unit" }, ` ${column.unit}`),
    ),
  );
  return columns.map((column, i) => h("th", { scope: "col", class: column.class ?? "", title: column.title }, buttons[i]));

  /** The head that has the tab stop. @param {number} i */
  function enter(i) {
    buttons.forEach((button, at) => button.setAttribute("tabindex", at === i ? "0" : "-1"));
  }

  /** @param {KeyboardEvent} event */
  function walk(event) {
    const at = buttons.findIndex((button) => button === event.currentTarget);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined || !buttons[to]) return;
    event.preventDefault();
    buttons[to].focus();
  }
}

/** A row in place of those out of sight. @param {number} height px @param {number} columns */
const room = (height, columns) =>
  height > 0 && h("tr", { "aria-hidden": "true" }, h("td", { class: "room", colspan: columns, style: { height: `${height}px` } }));

/** @template R @param {Column<R>} column @param {R[]} rows @param {boolean} down */
const rowsBy = ({ value }, rows, down) => [...rows].sort((a, b) => (down ? -1 : 1) * compare(value(a), value(b)));

/** @param {number | string} a @param {number | string} b */
const compare = (a, b) =>
  typeof a === "number" && typeof b === "number"
    ? (Number.isNaN(a) ? Infinity : a) - (Number.isNaN(b) ? Infinity : b) || 0
    : String(a).localeCompare(String(b), "en", { numeric: true });

/**
 * Columns of K, and the same of V.
 * @template T
 * @param {(side: "k" | "v", name: "K" | "V", i: 0 | 1) => T[]} make
 * @returns {T[]}
 */
export const sides = (make) => [...make("k", "K", 0), ...make("v", "V", 1)];
