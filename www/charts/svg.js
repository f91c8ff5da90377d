// SVG without Plot: elements, the hatching that marks lossy values, legends, and the sheet that holds a chart's panels.

import { panelWidth } from "./axis.js";

const NS = "http://www.w3.org/2000/svg";
let sheets = 0;

/**
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

const FAMILY = "system-ui, sans-serif";
const ruler = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));

/** How wide `text` is in px, for placing labels without a layout. @param {string} text @param {number} [size] */
export function textWidth(text, size = 12) {
  ruler.font = `${size}px ${FAMILY}`;
  return ruler.measureText(text).width;
}

/** The colours of K and V, and the names under which `ink` finds them. */
export const colour = /** @type {Record<"K" | "V", string>} */ ({ K: "var(--k)", V: "var(--v)" });

/**
 * What a chart paints with; hatches are patterns of this very sheet, so that a saved picture keeps them.
 * @typedef {object} Ink
 * @property {(tensor: "K" | "V", lossy: boolean) => string} fill   solid where lossless, hatched where lossy
 * @property {SVGElement} defs
 */

/** @returns {Ink} */
export function ink() {
  const id = `kv-sheet-${++sheets}`;
  const defs = s("defs");
  for (const tensor of /** @type {const} */ (["K", "V"])) {
    defs.append(
      s(
        "pattern",
        {
          id: `${id}-${tensor}`,
          width: 5,
          height: 5,
          patternUnits: "userSpaceOnUse",
          patternTransform: `rotate(${tensor === "K" ? 45 : -45})`,
        },
        // Without it a PDF has a mask for each picture of the hatches.
        s("rect", { width: 5, height: 5, fill: "var(--page)" }),
        s("rect", { width: 5, height: 5, fill: colour[tensor], "fill-opacity": 0.18 }),
        s("rect", { width: 2.2, height: 5, fill: colour[tensor] }),
      ),
    );
  }
  return { defs, fill: (tensor, lossy) => (lossy ? `url(#${id}-${tensor})` : colour[tensor]) };
}

/**
 * One entry of a legend: a swatch (drawn in a square of 14 px, or as wide as it says) and its text.
 * @typedef {{ swatch: SVGElement, text: string, swatchWidth?: number }} LegendItem
 */

/** A filled or hatched square. @param {string} fill @param {string} stroke @param {number} [opacity] */
export const square = (fill, stroke, opacity = 1) =>
  s("rect", { x: 1.5, y: 1.5, width: 11, height: 11, fill, "fill-opacity": opacity, stroke, "stroke-width": 1 });

/** K's circle or V's square, hollow where lossy. @param {"K" | "V"} tensor @param {boolean} hollow */
export function marker(tensor, hollow) {
  const paint = { fill: hollow ? "var(--page)" : colour[tensor], stroke: colour[tensor], "stroke-width": 1.8 };
  return tensor === "K"
    ? s("circle", { cx: 7, cy: 7, r: 4.2, ...paint })
    : s("rect", { x: 3.2, y: 3.2, width: 7.6, height: 7.6, ...paint });
}

/** A short line. @param {string} stroke @param {string} [dash] @param {number} [width] */
export const stroke = (stroke, dash, width = 1.8) =>
  s("line", { x1: 0, x2: 14, y1: 7, y2: 7, stroke, "stroke-width": width, "stroke-dasharray": dash });

/**
 * Entries in rows that fit `width`.
 * @param {LegendItem[]} items
 * @param {number} width
 * @returns {{ node: SVGElement, height: number }}
 */
function legendRows(items, width) {
  const node = s("g", { class: "kv-legend", "font-size": 12, "text-anchor": "start", fill: "var(--ink)" });
  let x = 0;
  let y = 0;
  for (const { swatch, text, swatchWidth = 14 } of items) {
    const needed = swatchWidth + 6 + textWidth(text) + 14;
    if (x > 0 && x + needed - 14 > width) {
      x = 0;
      y += 20;
    }
    node.append(s("g", { transform: `translate(${x},${y})` }, swatch, s("text", { x: swatchWidth + 6, y: 11 }, text)));
    x += needed;
  }
  return { node, height: items.length ? y + 24 : 0 };
}

/**
 * A chart's picture with its panels in two columns where they fit.
 * @param {{ title: string, legend: LegendItem[], width: number }} parts
 * @param {(width: number) => Panel[]} panels of this width
 */
export function pairs(parts, panels) {
  const columns = parts.width >= 760 ? 2 : 1;
  return sheet({ ...parts, columns, panels: panels(panelWidth(parts.width, columns)) });
}

/** One plot of a chart, with a line of text above it. @typedef {{ heading?: string, svg: SVGSVGElement }} Panel */

/**
 * A chart's picture: legend above, panels below it in columns. It is complete in itself, but for colours that are the page's.
 * @param {{ title: string, legend: LegendItem[], panels: Panel[], width: number, columns?: number, ink?: Ink, interactive?: boolean }} parts
 * @returns {SVGSVGElement}
 */
export function sheet({ title, legend, panels, width, columns = 1, ink, interactive = false }) {
  const rows = legendRows(legend, width);
  const children = [s("title", {}, title), ...(ink ? [ink.defs] : []), rows.node];
  let y = rows.height;
  let rowHeight = 0;
  panels.forEach(({ heading, svg }, i) => {
    const column = i % columns;
    if (column === 0 && i > 0) {
      y += rowHeight + 10;
      rowHeight = 0;
    }
    const x = (column * (width + 16)) / columns;
    const top = heading ? 20 : 0;
    if (heading)
      children.push(
        s("text", { x, y: y + 13, "font-size": 12.5, "font-weight": 600, "text-anchor": "start", fill: "var(--ink)" }, heading),
      );
    for (const [name, value] of Object.entries({ x, y: y + top, overflow: "visible" })) svg.setAttribute(name, String(value));
    // The sheet has the name, and the table says what is drawn: Plot's labels of marks ("rule", "dot") would only be read in between.
    for (const mark of interactive ? svg.querySelectorAll("[aria-label]:not([role])") : [svg]) mark.setAttribute("aria-hidden", "true");
    children.push(svg);
    rowHeight = Math.max(rowHeight, top + Number(svg.getAttribute("height")));
  });
  const height = Math.ceil(y + rowHeight);
  const node = s(
    "svg",
    {
      class: "kv-sheet",
      role: interactive ? "group" : "img",
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      "font-family": FAMILY,
    },
    ...children,
  );
  node.setAttribute("aria-label", title);
  // Plot names its groups of marks ("dot", "rule") without a role, which says nothing to a screen reader and is not allowed.
  for (const marks of node.querySelectorAll("g[aria-label]:not([role])")) marks.setAttribute("aria-hidden", "true");
  return /** @type {SVGSVGElement} */ (node);
}

/** Takes away what a pointer would move or makes appear, for a picture on its own. @param {SVGSVGElement} picture */
export function still(picture) {
  for (const passing of picture.querySelectorAll('[aria-label="tip"], .kv-handle')) passing.remove();
}
