// The seventh step: where attention looks, and what errors of K and of V do to what it gives out.

import { digits3, whole } from "../charts/axis.js";
import { h } from "../dom.js";
import { cosine, error, percent } from "../format.js";
import { scrollable } from "../scrollable.js";
import { tokenBars } from "./pictures.js";
import { prose } from "./prose.js";

/** @import { Matter } from "../engine/core.js" */
/** @typedef {import("./view.js").View} View */

/** @param {View} view */
export function matters(view) {
  const [{ matter }] = view.matters;
  const { weights, queries, unused, k, v } = matter;
  const mean = (/** @type {number[]} */ values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const others = (/** @type {number[]} */ lengths) => (lengths.length > 1 ? mean(lengths.slice(1)) : lengths[0]);
  // More than it would have if all were alike, by far.
  const sinks = weights.length > 0 && weights[0] > 5 / weights.length;
  return [
    prose(
      [
        "The next token is not made of K and V but of attention’s output: each query is compared with every key, that gives weights, and the values are summed with these weights.",
      ],
      queries > 0
        ? [
            h("b", {}, "The sink."),
            ` Over ${whole(queries)} captured query vectors, token 0 gets ${percent(weights[0])} of all attention; an equal share would be ${percent(1 / weights.length)}. Its value vector is ${short(v.lengths[0] / others(v.lengths))} times as long as the others are on average. ${sinks ? "Models learn to look there in order to read little. Move its key, and all weights move." : "So this layer has no sink: later ones mostly do."}`,
          ]
        : [
            h("b", {}, "The sink."),
            " Models mostly look hard at the first token, in order to read little. ",
            unused.length
              ? `Where attention looks can’t be shown with the queries of this layer: ${unused.join("; ")}.`
              : "This dump holds no queries of this layer’s tokens, so where attention looks can’t be shown: the sample has them, and the page says how to capture yours.",
          ],
      [
        h("b", {}, "One cosine for all hides it."),
        " It is taken over all tokens at once, so the long vectors rule. The token error takes each token’s vector by itself and weighs all alike; the error of the first token stands alone. A large one beside a good cosine is a warning.",
      ],
      [
        h("b", {}, "K and V fail in different ways."),
        ` An error of K changes weights, through an exponential; one of V is averaged by them. Here K’s first vector is ${short(k.lengths[0] / others(k.lengths))} times as long as the others. The last column is what counts: by how much attention’s output moves, where this tensor alone is changed.`,
      ],
    ),
    h(
      "div",
      { class: "look" },
      queries > 0 && tokenBars("Mean attention weight of each token", weights, "var(--ink)", percent),
      tokenBars("Length of each token’s K", k.lengths, "var(--k)", digits3),
      tokenBars("Length of each token’s V", v.lengths, "var(--v)", digits3),
      errorTable(view),
    ),
  ];
}

/** "0.31", "12" @param {number} times */
const short = (times) => Number(times.toPrecision(2)).toString();

/** @param {View} view */
function errorTable({ matters }) {
  const heads = ["Setting", "Tensor", "Cosine", "Token error", "First token’s", "Output error"];
  const table = scrollable(
    "Errors of settings",
    { class: "matter-scroll" },
    h(
      "table",
      { class: "matters" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          heads.map((head) => h("th", { scope: "col" }, head)),
        ),
      ),
      h(
        "tbody",
        {},
        matters.flatMap(({ name, matter }) => /** @type {const} */ (["k", "v"]).map((side) => row(name, matter, side))),
      ),
    ),
  );
  // Not the table's caption: where the table scrolls, its end would be out of sight.
  const note = "Squared errors, as a share of the squared values. Quantized with one scale for the tensor, or mantissas cut.";
  return [h("p", { class: "small muted" }, note), table];
}

/** @param {string} name @param {Matter} matter @param {"k" | "v"} side */
function row(name, matter, side) {
  const { errors, attention } = matter[side];
  const cells = [
    side.toUpperCase(),
    cosine(errors.cosine),
    error(errors.token),
    error(errors.first),
    attention === null ? "–" : error(attention),
  ];
  return h(
    "tr",
    { class: side },
    h("th", { scope: "row" }, name),
    cells.map((text) => h("td", {}, text)),
  );
}
