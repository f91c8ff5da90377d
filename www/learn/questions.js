// What each step asks before it shows, and its exercise. Answers are computed from what is shown, so they hold for any dump.

/** @import { Child } from "../dom.js" */
/** @typedef {import("./view.js").View} View */
/**
 * @typedef {object} Question
 * @property {{ question: string, answers: string[], verdict: (view: View) => { right: number, text: string } }} ask
 *   `right` is the place of the right answer, -1 where these values do not tell
 * @property {{ question: (view: View) => string, answer: (view: View) => string }} exercise
 */
import { times, whole } from "../charts/axis.js";
import { h } from "../dom.js";
import { cosine, error, percent, plural, tied } from "../format.js";

const PARTS = ["sign", "exponent", "mantissa"];

/** Of each part's bits, how many are as the vector's values mostly have them there. @param {View} view */
function agreement({ lesson }) {
  const shares = [0, 0, 0];
  const bits = lesson.layout[0] + lesson.layout[1] + lesson.layout[2];
  for (let bit = 0; bit < bits; bit++) {
    const ones = lesson.values.filter((value) => (value.bits >>> (bits - 1 - bit)) & 1).length;
    const part = bit < lesson.layout[0] ? 0 : bit < lesson.layout[0] + lesson.layout[1] ? 1 : 2;
    shares[part] += Math.max(ones, lesson.values.length - ones) / lesson.values.length / lesson.layout[part];
  }
  return shares;
}

/** @param {"k" | "v"} tensor */
const name = (tensor) => tensor.toUpperCase();

/** What quantizing needs for no more error than cut mantissas, of 6 bits or as few as it takes. @param {View} view */
function contest({ points }) {
  const cuts = points.filter(({ method, bits }) => method === "truncate" && bits <= 6).reverse();
  for (const cut of cuts) {
    const quantized = points.find(({ method, mae }) => method === "quant" && mae <= cut.mae);
    if (quantized) return { cut, quantized };
  }
  return null;
}

/** @type {Question[]} */
export const QUESTIONS = [
  {
    ask: {
      question:
        "Take the numbers of one token’s vector and write their bits below each other. Which part will be most alike from number to number?",
      answers: ["The sign", "The exponent", "The mantissa"],
      verdict(view) {
        const shares = agreement(view);
        const right = shares.indexOf(Math.max(...shares));
        const each = shares.map((share, part) => `the ${PARTS[part]} ${percent(share)}`).join(", ");
        return {
          right,
          text: `Of each part’s bits, so many agree with the majority of their column: ${each}. Coin flips would give little more than 50 %.`,
        };
      },
    },
    exercise: {
      question: ({ lesson }) => `How many of the ${lesson.headDim} numbers of this vector lie between −1 and 1, and which bits say so?`,
      answer: ({ lesson }) => {
        const small = lesson.values.filter(({ value }) => Math.abs(value) < 1).length;
        const bias = 2 ** (lesson.layout[1] - 1) - 1;
        return `${small} of ${lesson.headDim}. The exponent does: read as a number it is less than ${bias}, which stands for 2 to the power of 0.`;
      },
    },
  },
  {
    ask: {
      question: "Cut every number into a high and a low half, and compress all low halves by themselves. How small do they get?",
      answers: ["To less than half", "To between half and nine tenths", "Hardly any smaller"],
      verdict({ lesson }) {
        const [hi, lo] = lesson.before;
        const share = lo.plain.zstd / lo.bytes;
        return {
          right: share < 0.5 ? 0 : share < 0.9 ? 1 : 2,
          text: `To ${percent(share)}: ${whole(lo.bytes)} bytes become ${whole(lo.plain.zstd)}. The high halves get to ${percent(hi.plain.zstd / hi.bytes)}.`,
        };
      },
    },
    exercise: {
      question: () => "How many bits does zstd spend on the low half of one number? What does that say of these bits?",
      answer: ({ lesson }) => {
        const [, lo] = lesson.before;
        const numbers = lesson.rawBytes / ((lesson.layout[0] + lesson.layout[1] + lesson.layout[2]) / 8);
        return `${((8 * lo.plain.zstd) / numbers).toFixed(2)} of ${(8 * lo.bytes) / numbers}. They are nearly noise: nothing that came before tells them.`;
      },
    },
  },
  {
    ask: {
      question:
        "Replace each high byte by its difference to the same channel of the token before. Does the high plane of this tensor get smaller?",
      answers: ["Yes, clearly", "By less than a twentieth", "No, larger"],
      verdict({ lesson, tensor }) {
        const [{ plain, delta }] = lesson.before;
        const gain = 1 - delta.zstd / plain.zstd;
        return {
          right: gain >= 0.05 ? 0 : gain >= 0 ? 1 : 2,
          text: `${name(tensor)} here: ${whole(plain.zstd)} bytes become ${whole(delta.zstd)}, ${gain >= 0 ? `${percent(gain)} less` : `${percent(-gain)} more`}.`,
        };
      },
    },
    exercise: {
      question: ({ tensor }) =>
        `What does the same do to ${tensor === "k" ? "V" : "K"} of this layer? Find a layer where the answer is another.`,
      answer: ({ other, tensor }) => {
        if (!other) return "";
        const [{ plain, delta }] = other.before;
        return `${tensor === "k" ? "V" : "K"}: ${whole(plain.zstd)} bytes become ${whole(delta.zstd)}. Keys turn with the position and keep their channel’s size, values mostly do not: so a codec is chosen for K and for V, not for both.`;
      },
    },
  },
  {
    ask: {
      question: "Entropy of single bytes: can a real compressor make fewer bytes of a plane than that?",
      answers: ["Never, it is a bound", "Yes, if it looks at more than one byte", "Only with loss"],
      verdict({ lesson }) {
        const [hi] = lesson.before;
        const single = Math.ceil((hi.plain.entropy * hi.bytes) / 8);
        return {
          right: 1,
          text: `It bounds coders that take each byte by itself. For the high plane here that is ${whole(single)} bytes; zstd, which also copies what came before, makes ${whole(hi.plain.zstd)}: ${hi.plain.zstd < single ? "fewer" : "more, for it finds little to copy"}.`,
        };
      },
    },
    exercise: {
      question: () =>
        "Two planes have the same counts: one is AAAABBBB…, the other the same bytes shuffled. Which is smaller after zstd, and what is the entropy of each?",
      answer: () =>
        "The entropy is the same, 1 bit a byte if both are equally frequent: it does not see the order. The sorted one becomes a few copies, the shuffled one stays near 1 bit a byte.",
    },
  },
  {
    ask: {
      question:
        "Keep a few mantissa bits and drop the rest. If bits were rounded to nearest instead of cut off, how large would the mean error be?",
      answers: ["The same", "About half", "About a tenth"],
      verdict({ lesson, rounded, method, bits }) {
        if (!rounded || method !== "truncate" || lesson.errors.mae === 0)
          return {
            right: 1,
            text: "Cut off, a value is wrong by up to a step; rounded, by up to half of one. Choose Truncate for the figures.",
          };
        const share = rounded.errors.mae / lesson.errors.mae;
        return {
          right: share > 0.8 ? 0 : share > 0.25 ? 1 : 2,
          text: `At ${bits} bits ${error(rounded.errors.mae)} instead of ${error(lesson.errors.mae)}: ${percent(share)}. The size is much the same. The mixed analysis cuts.`,
        };
      },
    },
    exercise: {
      question: () =>
        "How many levels does an 8-bit quantizer with a level at zero have, how many steps lie between them, and how large is a step on this tensor?",
      answer({ greatest }) {
        // With the digits that the quotient takes.
        const largest = Number(greatest.toPrecision(6));
        return `255 levels, from −127 to 127, and 254 steps between them. The largest value here is ${largest}, so a step is ${largest} / 127 = ${error(greatest / 127)}, and no value is wrong by more than half of it.`;
      },
    },
  },
  {
    ask: {
      question: "At the same mean error, which comes out smaller as a zstd frame: mantissas cut to some 6 bits, or quantized values?",
      answers: ["Cut mantissas", "Quantized values"],
      verdict(view) {
        const found = contest(view);
        if (!found) return { right: -1, text: "Among the settings measured here none has the same error." };
        const { cut, quantized } = found;
        return {
          right: cut.ratio >= quantized.ratio ? 0 : 1,
          text: `Cut to ${plural(cut.bits, "mantissa bit")}: ${times(cut.ratio)} at ${error(cut.mae)}. Quantized it takes ${quantized.bits} bits to be no worse: ${times(quantized.ratio)} at ${error(quantized.mae)}.`,
        };
      },
    },
    exercise: {
      question: () => "And if codes were packed side by side, as engines store them, without zstd?",
      answer(view) {
        const found = contest(view);
        if (!found) return "";
        const [sign, exponent, mantissa] = view.lesson.layout;
        const whole = sign + exponent + mantissa;
        const kept = sign + exponent + found.cut.bits;
        return `Cut: sign, exponent and ${found.cut.bits} mantissa bits are ${kept} bits a value, ${times(whole / kept)}. Quantized: ${found.quantized.bits} bits, ${times(whole / found.quantized.bits)}. So which is smaller depends on how it is stored: always say what a ratio is of.`;
      },
    },
  },
  {
    ask: {
      question: "Quantize K alone to 6 bits, then V alone, with one scale for the tensor. Which moves attention’s output more?",
      answers: ["K", "V", "Both alike, within a factor of two"],
      verdict({ matters }) {
        const { k, v } = (matters.find(({ name }) => name === "6 bits") ?? matters[0]).matter;
        if (k.attention === null || v.attention === null)
          return {
            right: -1,
            text: `Without queries that can be used, outputs can’t be told. By token, K is wrong by ${error(k.errors.token)} and V by ${error(v.errors.token)}.`,
          };
        const factor = k.attention / v.attention;
        return {
          right: factor > 2 ? 0 : factor < 0.5 ? 1 : 2,
          text: `K alone moves the output by ${error(k.attention)}, V alone by ${error(v.attention)}: squared errors, as a share of the output’s square.`,
        };
      },
    },
    exercise: {
      question: () => "K at 8 bits has a good cosine. Would you use it? Name the figure that decides.",
      answer({ matters }) {
        const { errors, attention } = matters[0].matter.k;
        const decides = attention === null ? "with queries, the error of the output" : `the error of the output, ${error(attention)}`;
        return `Cosine ${cosine(errors.cosine)}, token error ${error(errors.token)}, first token ${error(errors.first)}. What decides is ${decides}; and in the end the model’s own answers.`;
      },
    },
  },
];

/** The question, before the step shows. @param {Question} step @param {(answer: number) => void} answered */
export function prediction({ ask }, answered) {
  const form = h(
    "form",
    { class: "prediction", on: { submit } },
    h(
      "fieldset",
      {},
      h("legend", {}, h("b", {}, "First: what do you expect? "), ask.question),
      ask.answers.map((text, i) => h("label", {}, h("input", { type: "radio", name: "prediction", value: i, required: true }), ` ${text}`)),
    ),
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "submit", class: "primary" }, "See"),
      h("button", { type: "button", class: "quiet", on: { click: () => answered(-1) } }, "Skip the question"),
    ),
  );
  return form;

  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    const chosen = new FormData(form).get("prediction");
    if (chosen !== null) answered(Number(chosen));
  }
}

/** What came of it. @param {Question} step @param {View} view @param {number} guess -1 where it was skipped */
export function verdict({ ask }, view, guess) {
  const { right, text } = ask.verdict(view);
  const said = guess < 0 ? "" : `You expected “${ask.answers[guess]}”. `;
  const judged = right < 0 ? "" : guess < 0 ? `${ask.answers[right]}. ` : right === guess ? "Right. " : `It is “${ask.answers[right]}”. `;
  return h("p", { class: "verdict", tabindex: "-1", "data-right": String(right) }, said, h("b", {}, judged), tied(text));
}

/** @param {Question} step @param {View} view @param {boolean} open */
export const exercise = ({ exercise }, view, open) =>
  h(
    "details",
    { class: "exercise", open },
    h("summary", {}, h("b", {}, "Exercise. "), exercise.question(view), h("span", { class: "muted" }, " Answer")),
    h("p", {}, tied(exercise.answer(view))),
  );
