// A chart on the page: heading, picture, its measures to choose from, "save as" buttons and the table behind it.
// The picture is drawn again when its place changes width, and when the choice does.

/** The marks, scales and axes that were vendored. @typedef {typeof import("../vendor/plot.js")} Plot */
import { fill, h, plainTexts } from "../dom.js";
import { scrollable } from "../scrollable.js";
import { savePng, saveSvg } from "./save.js";
import { still } from "./svg.js";

/**
 * @typedef {{ columns: string[], rows: (string | number)[][] }} Table
 *
 * A chart as a description; the page and report.html both draw from it.
 * @typedef {object} Chart
 * @property {string} name      of saved files
 * @property {string} title
 * @property {string} note      one line below the title
 * @property {string} [hint]    what can be done with it on the page, behind the note
 * @property {{ label: string, options: { value: string, label: string }[] }} [choice]  what can be shown; the first is at first
 * @property {(Plot: Plot, view: { width: number, choice?: string, redraw: () => void, still?: boolean }) => SVGSVGElement} draw
 *   `still` pictures have no handles (report.html)
 * @property {() => Table} table
 * @property {HTMLElement} [above]  lives between the note and the picture
 */

/** Width of a chart on paper, px: a little more than a page has between its margins, so that two panels stand side by side. */
export const PAPER = 760;

/** @param {boolean} paper else the screen */
const drawFor = (paper) => {
  for (const place of document.querySelectorAll(".kv-place")) place.dispatchEvent(new CustomEvent("paper", { detail: paper }));
};
addEventListener("beforeprint", () => drawFor(true));
addEventListener("afterprint", () => drawFor(false));

/**
 * @param {Plot} Plot
 * @param {Chart} chart
 * @returns {HTMLElement}
 */
export function figure(Plot, chart) {
  const place = h("div", { class: "kv-place" });
  let choice = chart.choice?.options[0].value;
  let width = 0;
  const redraw = () => {
    if (width < 120) return;
    const picture = chart.draw(Plot, { width, choice, redraw });
    plainTexts(picture);
    fill(place, picture);
  };
  new ResizeObserver(([entry]) => {
    const next = Math.floor(entry.contentRect.width);
    if (next === width) return;
    width = next;
    redraw();
  }).observe(place);
  // Shrunk from a screen's width to a page's its texts could hardly be read.
  place.addEventListener("paper", (event) => {
    width = /** @type {CustomEvent<boolean>} */ (event).detail ? PAPER : Math.floor(place.clientWidth);
    redraw();
  });
  const svg = () => /** @type {SVGSVGElement | null} */ (place.querySelector("svg"));
  const save = (/** @type {(svg: SVGSVGElement, chart: Chart) => unknown} */ how) => () => {
    const picture = svg();
    if (picture) how(picture, chart);
  };
  return h(
    "figure",
    { class: "kv-chart", "data-chart": chart.name },
    caption(chart),
    chart.choice &&
      picker(chart.choice, (value) => {
        choice = value;
        redraw();
      }),
    chart.above,
    place,
    h(
      "div",
      { class: "kv-tools small" },
      details(chart),
      h("button", { type: "button", class: "quiet", on: { click: save(saveSvg) } }, "Save SVG", hidden(` of ${chart.title}`)),
      h("button", { type: "button", class: "quiet", on: { click: save(savePng) } }, "Save PNG", hidden(` of ${chart.title}`)),
    ),
  );
}

/**
 * The same for paper: drawn once, as wide as asked, without what a pointer would move or make appear.
 * @param {Plot} Plot @param {Chart} chart @param {number} width px
 */
export function stillPicture(Plot, chart, width) {
  const picture = chart.draw(Plot, { width, choice: chart.choice?.options[0].value, redraw: () => {}, still: true });
  plainTexts(picture);
  still(picture);
  return picture;
}

/** @param {Chart} chart */
export const caption = ({ title, note, hint }) =>
  h("figcaption", {}, h("h3", {}, title), h("p", { class: "small muted" }, note, hint && h("span", { class: "screen-only" }, ` ${hint}`)));

/** @param {string} text */
const hidden = (text) => h("span", { class: "visually-hidden" }, text);

/** @param {NonNullable<Chart["choice"]>} choice @param {(value: string) => void} choose */
function picker({ label, options }, choose) {
  const select = h(
    "select",
    {},
    options.map(({ value, label }) => h("option", { value }, label)),
  );
  select.addEventListener("change", () => choose(select.value));
  return h("label", { class: "kv-choice small" }, `${label} `, select);
}

/** The table is made when it is first opened: a long one costs more than the picture. @param {Chart} chart */
function details(chart) {
  const box = h("details", {}, h("summary", {}, "Table", hidden(`: ${chart.title}`)));
  box.addEventListener("toggle", () => {
    if (box.open && box.childElementCount === 1)
      box.append(scrollable(`${chart.title}, table`, { class: "kv-scroll" }, table(chart.table())));
  });
  return box;
}

/** @param {Table} content @returns {HTMLTableElement} */
export function table({ columns, rows }) {
  const numeric = columns.map((_, i) => rows.every((row) => typeof row[i] === "number" || /^[-−\d.–e×% ]+$/.test(String(row[i]))));
  const cell = (/** @type {string | number} */ value) =>
    typeof value === "number" && Number.isInteger(value) && Math.abs(value) > 999 ? value.toLocaleString("en-US") : String(value);
  return h(
    "table",
    { class: "kv-table" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        columns.map((name, i) => h("th", { scope: "col", class: numeric[i] ? "right" : false }, name)),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map((row) =>
        h(
          "tr",
          {},
          row.map((value, i) => h("td", { class: numeric[i] ? "right" : false }, cell(value))),
        ),
      ),
    ),
  );
}
