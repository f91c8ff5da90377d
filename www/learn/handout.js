// The lesson as one file to print, made from the values that it shows: questions with room to answer, what there is to see, exercises, and
// the answers on the last page.

import { h, plainTexts } from "../dom.js";
import { STEPS } from "./steps.js";
import { viewOf } from "./view.js";

/** @typedef {import("./view.js").View} View */
/** @typedef {import("./steps.js").Step} Step */

const STYLE = `
:root { color-scheme: light; }
body { margin: 24px auto; max-width: 900px; padding: 0 16px; background: #fff; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 17px; margin: 32px 0 8px; }
.named { display: flex; gap: 24px; margin: 8px 0 16px; } .named span { flex: 1; border-bottom: 1px solid var(--ink); padding-bottom: 2px; }
.boxes { list-style: none; padding: 0; margin: 4px 0 8px; } .boxes li::before { content: "\\2610\\00a0"; }
.lines { height: 72px; background: repeating-linear-gradient(transparent 0 23px, var(--line-strong) 23px 24px); margin: 4px 0 8px; }
.lesson { border: 0; padding: 0; } .lesson .step { display: block; min-height: 0; margin: 8px 0; } .buttons, .kv-tools, .screen-only { display: none; }
.keep, .exercise-print { break-inside: avoid; } .exercise-print { margin-top: 12px; } .answers { break-before: page; } .answers ol { list-style: decimal; padding-left: 24px; } .answers li { margin: 8px 0; }
.kv-chart { overflow-x: auto; margin-top: 16px; } @media screen and (max-width: 720px) { .kv-chart .kv-sheet { max-width: none; } }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } }
`;

/**
 * @param {import("./source.js").Source} source @param {import("./place.js").Place} place @param {ReturnType<typeof import("./curve.js").curveFigure>} curve
 * @returns {Promise<Blob>}
 */
export async function handout(source, place, curve) {
  const paper = curve.onPaper();
  /** @type {View[]} */
  const views = [];
  for (let step = 1; step <= STEPS.length; step++) {
    const view = await viewOf(source, place, step, paper, () => true);
    if (view) views.push(view);
  }
  const { run, layerId, stage } = source.captures[place.capture];
  const what = `${source.sample ? "Sample" : run || "Dump"}, layer ${layerId}, ${stage}, ${place.tensor.toUpperCase()}, token ${place.token}, head ${place.head}, channels from ${place.first}`;
  const body = h(
    "body",
    {},
    h("h1", {}, "Look inside a KV cache"),
    h("p", { class: "muted" }, `${what}. Made with kvlens from these values.`),
    h("div", { class: "named" }, h("span", {}, "Name"), h("span", {}, "Date")),
    h(
      "div",
      { class: "lesson" },
      STEPS.map((step, i) => page(step, i, views[i])),
    ),
    h(
      "section",
      { class: "answers" },
      h("h2", {}, "Answers"),
      h(
        "ol",
        {},
        STEPS.map((step, i) => {
          const { right, text } = step.ask.verdict(views[i]);
          return h(
            "li",
            {},
            right >= 0 && h("b", {}, `${step.ask.answers[right]}. `),
            `${text} `,
            h("b", {}, "Exercise: "),
            step.exercise.answer(views[i]),
          );
        }),
      ),
    ),
  );
  for (const passing of body.querySelectorAll('[aria-label="tip"], button, select, details > summary')) passing.remove();
  plainTexts(body);
  return new Blob(
    [
      `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Look inside a KV cache: handout</title>
<style>${pageStyle()}${STYLE}</style>
</head>
${body.outerHTML}
</html>
`,
    ],
    { type: "text/html" },
  );
}

/** @param {Step} step @param {number} i @param {View} view */
function page(step, i, view) {
  return h(
    "section",
    {},
    h("h2", {}, `${i + 1}. ${step.title}`),
    h(
      "div",
      { class: "keep" },
      h("p", {}, h("b", {}, "Before: "), step.ask.question),
      h(
        "ul",
        { class: "boxes" },
        step.ask.answers.map((answer) => h("li", {}, answer)),
      ),
    ),
    h("div", { class: "step" }, step.draw(view)),
    h("div", { class: "exercise-print" }, h("p", {}, h("b", {}, "Exercise: "), step.exercise.question(view)), h("div", { class: "lines" })),
  );
}

/** The page's own rules, so that the file looks like it and fetches nothing. */
const pageStyle = () => [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules].map(({ cssText }) => cssText)).join("\n");
