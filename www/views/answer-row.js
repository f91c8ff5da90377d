// One answer: whose it is, what it takes, how to have it, what it costs, and what to do with it.

/** @import { App } from "../app.js" */
/** @import { Explored } from "../engine/core.js" */
/** @import { Answer } from "../explore/search.js" */
import { h } from "../dom.js";
import { copyButton } from "./copy.js";
import { takeAndShow } from "./taken.js";
import { size } from "../format.js";
import { costOf, said, whoOf, withOf } from "../explore/words.js";

/** @param {App} app @param {Answer} answer @param {Explored} explored @param {HTMLElement | null} pack what writes it as a file */
export function answerRow(app, answer, explored, pack) {
  return h(
    "li",
    { class: "answer", "data-answer": answer.id },
    h("p", { class: "answer-who" }, whoOf(answer)),
    h(
      "p",
      { class: "answer-size", title: `This dump: ${size(answer.bytes)} of ${size(explored.rawBytes)}` },
      h("strong", {}, said(answer, size(answer.contextBytes))),
      h("span", { class: "muted" }, ` ${said(answer, `${answer.ratio.toFixed(2)}×`)}`),
    ),
    h(
      "p",
      { class: "answer-how" },
      h("code", {}, withOf(answer)),
      h(
        "span",
        { class: "answer-cost" },
        answer.lossless ? costOf(answer) : said(answer, costOf(answer)),
        answer.within ? "" : h("span", { class: "bad" }, "; it passes the limit"),
      ),
    ),
    h("div", { class: "buttons" }, actionsOf(app, answer, explored), pack),
  );
}

/** @param {App} app @param {Answer} answer @param {Explored} explored */
function actionsOf(app, answer, explored) {
  if (answer.flags) {
    const { flags } = answer;
    return copyButton("Copy flags", flags, () => flags);
  }
  if (answer.class !== "reference") return null;
  const schemes =
    answer.k === answer.v
      ? [["", answer.k]]
      : [
          ["K’s: ", answer.k],
          ["V’s: ", answer.v],
        ];
  return schemes.map(([whose, scheme]) => {
    const to = explored.points.find((point) => point.class === answer.class && point.scheme === scheme)?.preset;
    return (
      to &&
      h(
        "button",
        { type: "button", class: "quiet", on: { click: () => takeAndShow(app, to.analysis, to.settings) } },
        `Take ${whose}${scheme}`,
      )
    );
  });
}
