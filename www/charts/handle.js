// A vertical line on a logarithmic x axis that can be dragged, and moved by arrow keys.

import { FONT } from "./axis.js";
import { s } from "./svg.js";

/**
 * @param {object} options
 * @param {{ apply: (value: number) => number, invert: (px: number) => number, domain: number[] }} options.x
 * @param {number} options.value
 * @param {number} options.top
 * @param {number} options.bottom
 * @param {boolean} options.still           only drawn
 * @param {string} options.label
 * @param {(value: number) => string} options.text
 * @param {(value: number) => void} options.move  while it moves
 * @param {() => void} options.done               when it is let go
 * @param {() => void} options.left               when the focus leaves it, after keys moved it
 * @returns {SVGElement}
 */
export function handle({ x, value, top, bottom, still, label, text, move, done, left }) {
  const words = s("text", { y: top - 8, "font-size": FONT, "text-anchor": "middle", fill: "var(--ink)" });
  const node = s(
    "g",
    still ? {} : { role: "slider", tabindex: 0, "aria-label": label, "aria-valuemin": x.domain[0], "aria-valuemax": x.domain[1] },
    s("line", { y1: top, y2: bottom, stroke: "var(--ink)", "stroke-width": 1.4, "stroke-dasharray": "4 3" }),
    words,
  );
  if (!still) {
    node.append(
      s("rect", { x: -12, y: top - 20, width: 24, height: bottom - top + 20, fill: "transparent" }),
      s("rect", {
        class: "kv-grip",
        x: -5,
        y: top - 4,
        width: 10,
        height: 16,
        rx: 3,
        fill: "var(--page)",
        stroke: "var(--ink)",
        "stroke-width": 1.4,
      }),
    );
    node.classList.add("kv-limit");
  }
  let now = value;
  /** By keys, and not let go yet. */
  let moved = false;
  place(now);
  if (still) return node;

  node.classList.add("kv-handle");
  node.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    node.focus();
    node.setPointerCapture(event.pointerId);
    node.addEventListener("pointermove", follow);
    const end = () => {
      node.removeEventListener("pointermove", follow);
      done();
    };
    node.addEventListener("pointerup", end, { once: true });
    node.addEventListener("pointercancel", end, { once: true });
  });
  // A finger on it drags. Browsers don't heed touch-action on a part of a picture, and would scroll instead.
  node.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  node.addEventListener("keydown", (event) => {
    const steps = /** @type {Record<string, number>} */ ({
      ArrowLeft: -1,
      ArrowDown: -1,
      ArrowRight: 1,
      ArrowUp: 1,
      PageDown: -10,
      PageUp: 10,
    })[event.key];
    if (!steps) return;
    event.preventDefault();
    event.stopPropagation();
    go(now * 10 ** (steps * 0.02));
    moved = true;
  });
  node.addEventListener("blur", () => {
    if (moved) left();
    moved = false;
  });
  return node;

  /** @param {PointerEvent} event */
  function follow(event) {
    const matrix = /** @type {SVGGraphicsElement} */ (node.parentNode).getScreenCTM();
    if (matrix) go(x.invert(new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse()).x));
  }

  /** @param {number} next */
  function go(next) {
    now = Math.min(x.domain[1], Math.max(x.domain[0], next));
    place(now);
    move(now);
  }

  /** @param {number} at */
  function place(at) {
    node.setAttribute("transform", `translate(${x.apply(at)},0)`);
    words.textContent = text(at);
    if (still) return;
    node.setAttribute("aria-valuenow", String(at));
    node.setAttribute("aria-valuetext", text(at));
  }
}
