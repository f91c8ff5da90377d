// A chart as a file: the picture with its title, note and the colours that the page shows it in, so that it needs no stylesheet.

import { save } from "../save.js";
import { s, still, textWidth } from "./svg.js";

/** @typedef {import("./figure.js").Chart} Chart */

/** @param {SVGSVGElement} svg @param {Chart} chart */
export function saveSvg(svg, chart) {
  save(new Blob([standalone(svg, chart)], { type: "image/svg+xml" }), `${chart.name}.svg`);
}

/** At twice the size on screen, for slides and print. @param {SVGSVGElement} svg @param {Chart} chart */
export async function savePng(svg, chart) {
  const url = URL.createObjectURL(new Blob([standalone(svg, chart)], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth * 2;
    canvas.height = image.naturalHeight * 2;
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
    if (blob) save(blob, `${chart.name}.png`);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/**
 * The picture as SVG text that stands alone.
 * @param {SVGSVGElement} svg
 * @param {Chart} chart
 * @returns {string}
 */
function standalone(svg, chart) {
  const inner = /** @type {SVGSVGElement} */ (svg.cloneNode(true));
  still(inner);
  const width = Number(svg.getAttribute("width"));
  const notes = wrap(chart.note, width);
  const top = 30 + notes.length * 16 + 6;
  inner.setAttribute("x", "16");
  inner.setAttribute("y", String(top));
  const height = top + Number(svg.getAttribute("height")) + 12;
  const text = (/** @type {number} */ y, /** @type {string} */ words, /** @type {Record<string, any>} */ look) =>
    s("text", { x: 16, y, ...look }, words);
  const outer = s(
    "svg",
    { width: width + 32, height, viewBox: `0 0 ${width + 32} ${height}`, "font-family": "system-ui, -apple-system, Segoe UI, sans-serif" },
    s("rect", { width: "100%", height: "100%", fill: "var(--page)" }),
    text(24, svg.getAttribute("aria-label") ?? chart.title, { "font-size": 15, "font-weight": 600, fill: "var(--ink)" }),
    ...notes.map((line, i) => text(42 + i * 16, line, { "font-size": 12, fill: "var(--muted)" })),
    inner,
  );
  outer.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return withColours(new XMLSerializer().serializeToString(outer));
}

/** @param {string} words @param {number} width */
function wrap(words, width) {
  const lines = [""];
  for (const word of words.split(" ")) {
    const line = `${lines[lines.length - 1]} ${word}`.trim();
    if (textWidth(line) > width && lines[lines.length - 1]) lines.push(word);
    else lines[lines.length - 1] = line;
  }
  return lines;
}

/** Every `var(--name)` as the colour that it stands for now. @param {string} text */
function withColours(text) {
  const probe = document.createElement("i");
  document.body.append(probe);
  const resolved = text.replace(/var\(--[\w-]+\)|currentColor/g, (name) => {
    probe.style.color = name === "currentColor" ? "var(--ink)" : name;
    return getComputedStyle(probe).color;
  });
  probe.remove();
  return resolved;
}
