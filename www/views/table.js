// A sortable table. Columns say how a row is written and by what it is sorted; figures are right-aligned, units stand in the head.

/** @import { Child } from "../dom.js" */
import { fill, h } from "../dom.js";

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
 * @template R
 * @param {string} caption
 * @param {Column<R>[]} columns
 * @param {R[]} rows
 * @param {{ rowClass?: (row: R) => string, sort?: { column: number, down: boolean } | null }} [options]
 * @returns {HTMLElement}
 */
export function table(caption, columns, rows, { rowClass = () => "", sort = null } = {}) {
  let order = sort;
  const body = h("tbody");
  const heads = columns.map((column, i) =>
    h(
      "th",
      { scope: "col", class: column.class ?? "", title: column.title },
      h(
        "button",
        { type: "button", on: { click: () => sortBy(i) } },
        column.head,
        column.unit && h("span", { class: "unit" }, ` ${column.unit}`),
      ),
    ),
  );
  const head = h("thead", {}, h("tr", {}, heads));
  draw();
  return h(
    "div",
    { class: "table-scroll", role: "region", tabindex: "0", "aria-label": caption },
    h("table", {}, h("caption", { class: "visually-hidden" }, caption), head, body),
  );

  /** @param {number} i */
  function sortBy(i) {
    // Figures are first wanted greatest first, names from the start.
    const first = rows.length > 0 && typeof columns[i].value(rows[0]) === "number";
    order = { column: i, down: order?.column === i ? !order.down : first };
    draw();
  }

  function draw() {
    const sorted = [...rows];
    if (order) {
      const { column, down } = order;
      const { value } = columns[column];
      sorted.sort((a, b) => (down ? -1 : 1) * compare(value(a), value(b)));
    }
    heads.forEach((th, i) => {
      if (order?.column === i) th.setAttribute("aria-sort", order.down ? "descending" : "ascending");
      else th.removeAttribute("aria-sort");
    });
    fill(
      body,
      sorted.map((row) =>
        h(
          "tr",
          { class: rowClass(row) || false },
          columns.map((column) => h("td", { class: column.class }, (column.cell ?? column.value)(row))),
        ),
      ),
    );
  }
}

/** @param {number | string} a @param {number | string} b */
const compare = (a, b) =>
  typeof a === "number" && typeof b === "number"
    ? (Number.isNaN(a) ? Infinity : a) - (Number.isNaN(b) ? Infinity : b) || 0
    : String(a).localeCompare(String(b), "en", { numeric: true });
