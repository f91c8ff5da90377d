// Reads a chart back: from marks and axis labels in the SVG to values.

/**
 * What a panel (one plot of a chart) holds, in its own pixels.
 * @typedef {object} Panel
 * @property {{ at: number, text: string }[]} x    tick labels
 * @property {{ at: number, text: string }[]} y
 * @property {number[]} split                      x of the split's line
 * @property {Record<string, { x: number, y: number, filled: boolean }[]>} points  by class name
 * @property {Record<string, { x: number, y: number, width: number, height: number }[]>} bars
 */

/**
 * @param {import("playwright-core").Page} page
 * @param {string} chart its `data-chart`
 * @returns {Promise<Panel[]>}
 */
export function panels(page, chart) {
  return page.evaluate((name) => {
    const sheet = document.querySelector(`[data-chart="${name}"] .kv-sheet`);
    if (!sheet) throw new Error(`no chart ${name}`);
    /** @param {Element} element */
    const shift = (element) => {
      const at = { x: 0, y: 0 };
      for (let node = /** @type {Element | null} */ (element); node && node.tagName !== "svg"; node = node.parentElement) {
        const [, x = "0", y = "0"] = /translate\(([-\d.e]+)(?:,([-\d.e]+))?\)/.exec(node.getAttribute("transform") ?? "") ?? [];
        at.x += Number(x);
        at.y += Number(y);
      }
      return at;
    };
    /** @param {Element} svg @param {string} axis */
    const ticks = (svg, axis) =>
      [...svg.querySelectorAll(`[aria-label="${axis}-axis tick label"] text`)].map((label) => ({
        at: shift(label)[/** @type {"x" | "y"} */ (axis)],
        text: label.textContent ?? "",
      }));
    // On plain displays Plot moves lines, dots and ticks by half a pixel, so that they are sharp; filled bars stay.
    const half = devicePixelRatio > 1 ? 0 : 0.5;
    return [...sheet.querySelectorAll(":scope > svg")].map((svg) => {
      const points = /** @type {Record<string, any[]>} */ ({});
      const bars = /** @type {Record<string, any[]>} */ ({});
      for (const group of svg.querySelectorAll("[class^=kv-]")) {
        const name = (group.getAttribute("class") ?? "").split(" ").at(-1) ?? "";
        const marks = group.tagName === "g" ? [...group.children] : [group];
        for (const mark of marks) {
          const fill = mark.getAttribute("fill") ?? group.getAttribute("fill");
          const filled = fill !== "var(--page)" && fill !== "none";
          if (mark.tagName === "circle") {
            const at = shift(mark);
            (points[name] ??= []).push({ x: at.x + Number(mark.getAttribute("cx")), y: at.y + Number(mark.getAttribute("cy")), filled });
          } else if (mark.tagName === "path" && mark.hasAttribute("transform")) (points[name] ??= []).push({ ...shift(mark), filled });
          else if (mark.tagName === "rect") {
            const [x, y, width, height] = ["x", "y", "width", "height"].map((key) => Number(mark.getAttribute(key)));
            (bars[name] ??= []).push({ x: x + half, y: y + half, width, height });
          }
        }
      }
      const split = [...svg.querySelectorAll("g.kv-split line")].map((line) => shift(line).x + Number(line.getAttribute("x1")));
      return { x: ticks(svg, "x"), y: ticks(svg, "y"), split, points, bars };
    });
  }, chart);
}

/**
 * The axis as a function from pixels to values, from its first and last numeric labels.
 * @param {{ at: number, text: string }[]} ticks
 * @param {"linear" | "log"} [type]
 */
export function axis(ticks, type = "linear") {
  const known = ticks.map(({ at, text }) => ({ at, value: number(text) })).filter(({ value }) => Number.isFinite(value));
  const [a, b] = [known[0], known[known.length - 1]];
  const [from, to] = type === "log" ? [Math.log(a.value), Math.log(b.value)] : [a.value, b.value];
  return (/** @type {number} */ at) => {
    const value = from + ((at - a.at) / (b.at - a.at)) * (to - from);
    return type === "log" ? Math.exp(value) : value;
  };
}

/** "5·10⁻⁴" -> 0.0005 @param {string} text */
function number(text) {
  const [, factor, power] = /^(?:(\d+)·)?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)$/.exec(text) ?? [];
  if (power === undefined) return Number(text);
  return Number(factor ?? 1) * 10 ** Number([...power].map((digit) => "-0123456789"["⁻⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(digit)]).join(""));
}

/** @param {string} csv @returns {Record<string, string>[]} */
export function rows(csv) {
  const [head, ...lines] = csv
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split(","));
  return lines.map((line) => Object.fromEntries(head.map((name, i) => [name, line[i]])));
}
