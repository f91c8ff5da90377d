// The seven steps. Each is a title, a question before it shows (questions.js), some sentences and what to look at, made from the figures
// of the core (src/inspect).

import { times, whole } from "../charts/axis.js";
import { h } from "../dom.js";
import { error, tied } from "../format.js";
import { bitLegend, bitStrip, formula } from "./bits.js";
import { matters } from "./matters.js";
import { byteBars, byteMap, sizeBars } from "./pictures.js";
import { prose } from "./prose.js";
import { QUESTIONS } from "./questions.js";

/** @import { Coded, Lesson } from "../engine/core.js" */
/** @typedef {import("./view.js").View} View */
/** @typedef {{ name: string, title: string, draw: (view: View) => import("../dom.js").Child[] } & import("./questions.js").Question} Step */

/** Values of a vector that are shown at a time. */
export const SHOWN = 8;

/** @type {Step[]} */
export const STEPS = [
  { name: "Bits of a value", title: "A value is a few bits", draw: values },
  { name: "Two planes", title: "Split the bytes in planes", draw: planes },
  { name: "Differences", title: "Take differences along the tokens", draw: differences },
  { name: "Entropy", title: "Count bytes: what a coder without memory needs", draw: bound },
  { name: "Fewer bits", title: "Give up some bits", draw: lossy },
  { name: "The cost", title: "What it costs, and what this does not tell", draw: costs },
  { name: "The model", title: "What matters to the model", draw: matters },
].map((step, i) => ({ ...step, ...QUESTIONS[i] }));

/** @param {View} view */
const tint = (view) => (view.tensor === "k" ? "var(--k)" : "var(--v)");

/** The values on screen, with their place in the vector. @param {View} view */
const shown = ({ lesson, first }) => lesson.values.slice(first, first + SHOWN).map((value, i) => ({ ...value, channel: first + i }));

/** @param {number} value */
const number = (value) => (Number.isFinite(value) ? String(Number(value.toPrecision(6))).replace("-", "−") : "not finite");

/** @param {View} view @param {(value: ReturnType<typeof shown>[number]) => import("../dom.js").Child[]} row @param {string} label */
const valueList = (view, row, label) =>
  h(
    "ol",
    { class: "values", "aria-label": label },
    shown(view).map((value) => h("li", {}, row(value))),
  );

/** @param {View} view */
function values(view) {
  const { lesson } = view;
  const [sign, exponent, mantissa] = lesson.layout;
  const bits = sign + exponent + mantissa;
  return [
    prose(
      [
        `A language model keeps two vectors for each token it has read, in every layer and for every KV head: a key K and a value V. This is the KV cache. Here each vector has ${lesson.headDim} numbers.`,
      ],
      [
        `A number takes ${bits} bits. The `,
        h("b", {}, "sign"),
        ` says on which side of zero it is. The `,
        h("b", {}, "exponent"),
        " says how large it is, as a power of two. The ",
        h("b", {}, "mantissa"),
        " says where between two powers of two.",
      ],
      [
        "Look down a column of bits. The exponents are much alike. The last mantissa bits look like coin flips. All that follows comes from this.",
      ],
    ),
    h(
      "div",
      { class: "look" },
      bitLegend(lesson.layout),
      valueList(
        view,
        (value) => [
          h("span", { class: "channel muted" }, `${value.channel}`),
          h("span", { class: "number" }, number(value.value)),
          bitStrip(value.bits, lesson.layout),
          h("span", { class: "formula muted small" }, formula(value.bits, lesson.layout)),
        ],
        "Values of the vector, as bits",
      ),
    ),
  ];
}

/** @param {View} view */
function planes(view) {
  const { lesson } = view;
  const [hi, lo] = lesson.before;
  const half = (lesson.layout[0] + lesson.layout[1] + lesson.layout[2]) / 2;
  const colour = tint(view);
  const saved = lesson.whole - hi.plain.zstd - lo.plain.zstd;
  return [
    prose(
      [
        "A general compressor looks for bytes that repeat. In the file, a calm byte (sign and exponent) and a noisy one (last mantissa bits) take turns. That hides what is calm.",
      ],
      [
        `So the halves are put apart: the high ${half} bits of all values, then the low ${half} bits of all values. Nothing is lost, since they can be joined again. These are the two planes.`,
      ],
      [
        saved > 0
          ? `On this tensor that saves ${whole(saved)} of ${whole(lesson.whole)} bytes.`
          : "On this tensor it saves nothing: try a longer capture.",
      ],
      ["The high plane shrinks. The low plane hardly does: noise has no shorter form."],
    ),
    h(
      "div",
      { class: "look" },
      bitLegend(lesson.layout),
      valueList(
        view,
        (value) => [h("span", { class: "number" }, number(value.value)), bitStrip(value.bits, lesson.layout, { cut: true })],
        "The same values, cut in a high and a low half",
      ),
      sizeBars([
        { label: "Raw", parts: [{ name: "raw", bytes: lesson.rawBytes, colour: "var(--line-strong)" }] },
        { label: "zstd on the file as it is", parts: [{ name: "zstd", bytes: lesson.whole, colour }] },
        {
          label: "zstd on each plane",
          parts: [
            { name: "high", bytes: hi.plain.zstd, colour },
            { name: "low", bytes: lo.plain.zstd, colour, faint: true },
          ],
        },
      ]),
    ),
  ];
}

/** @param {View} view */
function differences(view) {
  const { lesson, token } = view;
  const { window } = lesson;
  const [hi] = lesson.before;
  const colour = tint(view);
  const mark = token - window.firstToken;
  const gain = hi.plain.zstd - hi.delta.zstd;
  const about = `tokens ${window.firstToken} to ${window.firstToken + window.plain.length - 1} down, ${lesson.headDim} channels across`;
  return [
    prose(
      [
        "One channel often keeps its sign and its size from token to token. Then the high byte of a token differs little from the one before.",
      ],
      [
        "So each high byte is replaced by its difference to the token before (mod\u00a0256). Token 0 stays as it is. Adding up again gives the very same bytes.",
      ],
      [
        lesson.seqLen < 2
          ? "This capture has one token only, so there is nothing to take a difference to."
          : gain > 0
            ? `Here the high plane goes from ${whole(hi.plain.zstd)} to ${whole(hi.delta.zstd)} bytes.`
            : `Here it does not help: the high plane goes from ${whole(hi.plain.zstd)} to ${whole(hi.delta.zstd)} bytes. The channels change too much from token to token. Compare K with V, and other layers.`,
      ],
      ["The low plane is left alone: the difference of two noises is noise."],
    ),
    h(
      "div",
      { class: "look" },
      h(
        "div",
        { class: "pair" },
        h(
          "figure",
          {},
          h("figcaption", { class: "small" }, "High bytes as they are. The stronger the colour, the greater."),
          byteMap(window.plain, { label: `High bytes, ${about}`, colour, signed: false, mark }),
        ),
        h(
          "figure",
          {},
          h("figcaption", { class: "small" }, "After the delta. Faint is near 0."),
          byteMap(window.delta, { label: `Differences of high bytes, ${about}`, colour, signed: true, mark }),
        ),
      ),
      h("p", { class: "small muted" }, `Head ${view.head}: ${about}. The triangles mark token ${token}.`),
      sizeBars([
        { label: "High plane", parts: [{ name: "high", bytes: hi.plain.zstd, colour }] },
        { label: "High plane after the delta", parts: [{ name: "high", bytes: hi.delta.zstd, colour }] },
      ]),
    ),
  ];
}

/** @param {View} view */
function bound(view) {
  const { lesson } = view;
  const [hi, lo] = lesson.before;
  const colour = tint(view);
  /** @type {[string, Coded, number][]} */
  const streams = [
    ["High plane", hi.plain, hi.bytes],
    ["High plane after the delta", hi.delta, hi.bytes],
    ["Low plane", lo.plain, lo.bytes],
  ];
  return [
    prose(
      [
        "Count how often each of the 256 byte values occurs. If a few are frequent, short codes for them save space. If all are equally frequent, no code helps.",
      ],
      [
        "Entropy puts a number to it: the bits per byte that an ideal coder needs when it sees one byte at a time. 8 means noise, 0 means always the same.",
      ],
      [
        "It is a bound for coders that take each byte by itself, and for no others. zstd has a memory: where bytes repeat in longer runs it copies them and can pay less. Without repeats its tables and headers make it pay a little more. What a better coder could win is not told by this number.",
      ],
    ),
    h(
      "div",
      { class: "look" },
      streams.map(([label, coded, bytes]) => {
        const single = Math.ceil((coded.entropy * bytes) / 8);
        return h(
          "figure",
          { class: "counts" },
          h(
            "figcaption",
            {},
            h("b", {}, label),
            h(
              "span",
              { class: "small" },
              tied(
                ` ${coded.entropy.toFixed(3)} bits per byte: by single bytes ${whole(single)} B, zstd ${whole(coded.zstd)} B, difference ${coded.zstd < single ? "−" : ""}${whole(Math.abs(coded.zstd - single))} B`,
              ),
            ),
          ),
          byteBars(coded.counts, `${label}: how often each byte value occurs`, colour),
        );
      }),
    ),
  ];
}

/** @param {View} view */
function lossy(view) {
  const { lesson, method, bits } = view;
  const after = sizeOf(lesson.after);
  const before = sizeOf(lesson.before);
  const colour = tint(view);
  return [
    prose(
      ["Noise can’t be compressed, but it can be dropped. Two simple ways:"],
      [
        h("b", {}, "Truncate"),
        " keeps the top mantissa bits and clears the rest, so every value moves towards zero. The error grows with the value: up to one part in 2 to the number of bits kept. Rounded to nearest it would be half of that.",
      ],
      [
        h("b", {}, "Quantize"),
        " rounds every value to the nearest of a few levels. Two neighbours are one step apart. b bits give 2ᵇ − 1 levels: zero, and as many below as above it. The step follows from the largest value of the tensor, so one outlier makes it coarse for all.",
      ],
      [
        "A thick outline marks bits that changed.",
        h("span", { class: "screen-only" }, " Move the slider: the planes are compressed anew each time."),
      ],
    ),
    h(
      "div",
      { class: "look" },
      h(
        "p",
        { class: "sizes", role: "status" },
        h("strong", {}, `${whole(after)} B`),
        ` instead of ${whole(before)} B lossless: ratio ${times(lesson.rawBytes / after)}. Mean absolute error ${error(lesson.errors.mae)}, greatest ${error(lesson.errors.maxAbs)}.`,
      ),
      sizeBars([
        { label: "Lossless", parts: parts(lesson.before, colour) },
        {
          label: method === "truncate" ? `${bits} mantissa ${bits === 1 ? "bit" : "bits"}` : `${2 ** bits - 1} levels`,
          parts: parts(lesson.after, colour),
        },
      ]),
      valueList(
        view,
        (value) => [
          h("span", { class: "number change" }, number(value.value), h("span", { class: "muted" }, " → "), number(value.restored)),
          bitStrip(value.restoredBits, lesson.layout, { was: value.bits }),
          h(
            "span",
            { class: "formula muted small" },
            !Number.isFinite(value.value) || !Number.isFinite(value.restored)
              ? ""
              : `error ${error(Math.abs(value.restored - value.value))}`,
          ),
        ],
        "Values before and after, with their new bits",
      ),
    ),
  ];
}

/** Size as the mode gear-delta makes it. @param {Lesson["after"]} planes */
export const sizeOf = ([hi, lo]) => hi.delta.zstd + lo.plain.zstd;

/** @param {Lesson["after"]} planes @param {string} colour */
const parts = ([hi, lo], colour) => [
  { name: "high", bytes: hi.delta.zstd, colour },
  { name: "low", bytes: lo.plain.zstd, colour, faint: true },
];

/** @param {View} view */
function costs(view) {
  return [
    prose(
      ["Every setting is a point: how small, at what error. Good settings lie up and to the left."],
      [
        "Truncation and quantization trace two curves. Which is better depends on the tensor. Outliers hurt quantization, since they stretch its steps. Truncation does not mind them: its error is relative to each value.",
      ],
      ["K and V differ, and so do layers. That is why kvlens keeps the first layers lossless and measures each layer by itself."],
      [
        h("b", {}, "What this does not tell."),
        " A dump’s error is not a model’s quality. An error in K changes which tokens get attention. An error in V changes what is read from them. Later layers may dampen or amplify both. Two settings with the same error can differ in the model’s answers. Use these figures to choose candidates. Then run the model with them and measure perplexity or your task.",
      ],
      [
        "The ratios here are of zstd frames of values put back into the dump’s type. An engine packs the codes: 8 bits a value are half of 16, whatever zstd makes of them. That can turn the order of two settings around.",
      ],
    ),
    h("div", { class: "look" }, view.curve),
  ];
}
