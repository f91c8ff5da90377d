// What stands beside a result's ratios, a sentence each with its number: the packed size of the same codes, which rounding was used and what
// rounding to nearest would have given, and what another codec would have. The figures are the core's.

/** @import { Errors, Group, Report } from "../engine/core.js" */
/** @import { Codecs } from "../types.js" */
import { distinctGroups, packedRatios } from "../figures.js";
import { count, error, plural, ratio, size } from "../format.js";

/** The group that a result stands for. @param {Report} report */
const bestGroup = ({ headline, groups }) => (headline === null ? null : groups[headline]);

/**
 * @param {Report} report @param {Codecs | null} [codecs]
 * @returns {{ name: string, text: string }[]}
 */
export function otherwise(report, codecs = null) {
  if (report.explored) return [];
  const best = bestGroup(report);
  const lossy = report.groups.some(({ all }) => all.kErrors);
  return [
    ...(best ? packed(best) : []),
    ...(lossy ? rounding(report, best) : []),
    ...(best && codecs ? otherCodecs(best, codecs) : []),
    ...equals(report),
  ];
}

/** @param {Group} group */
function packed({ all, lossless, variant }) {
  const ratios = packedRatios(all);
  if (!ratios) return [];
  const codes = {
    truncate: `sign, exponent and ${plural(variant.bits, "mantissa bit")} a value`,
    quant: `${variant.bits} bits a value and a scale`,
  }[variant.label];
  const whole = codes ?? `${variant.bits} bits a value, scales and index`;
  const kept = lossless.rows > 0 ? ", lossless layers as they are" : "";
  return [
    {
      name: "Packed",
      text: `the same codes side by side (${whole}${kept}) take KV ${ratio(ratios.kv)}, K ${ratio(ratios.k)}, V ${ratio(ratios.v)}, where zstd of values put back into the dump’s type takes KV ${ratio(all.kvRatio)}.`,
    },
  ];
}

/** @param {Report} report @param {Group | null} best */
function rounding(report, best) {
  if (best?.variant.label === "truncate") {
    const { kErrors, vErrors, kRoundedMae, vRoundedMae } = best.all;
    const of = (/** @type {string} */ name, /** @type {Errors | null} */ cut, /** @type {number | null} */ rounded) =>
      cut && rounded !== null ? `${name} a mean absolute error of ${error(rounded)} instead of ${error(cut.mae)}` : "";
    const both = [of("K", kErrors, kRoundedMae), of("V", vErrors, vRoundedMae)].filter(Boolean).join(" and ");
    return both
      ? [
          {
            name: "Rounding",
            text: `bits are cut off, towards zero. Rounded to nearest at the same ${best.variant.bits} bits would give ${both}.`,
          },
        ]
      : [];
  }
  const rounded = report.groups.some(({ variant }) => variant.bits > 0);
  return rounded ? [{ name: "Rounding", text: "to the nearest step, ties to the even one." }] : [];
}

/** @param {Group} best @param {Codecs} codecs */
function otherCodecs({ all }, { own, sizes, bytes, of }) {
  /** @param {"k" | "v"} side */
  const better = (side) => {
    const [name, size] = Object.entries(sizes).reduce(
      (least, [name, size]) => (size[side] < least[1] ? [name, size[side]] : least),
      /** @type {[string, number]} */ ([own, sizes[own][side]]),
    );
    if (name === own) return null;
    const raw = side === "k" ? all.kRaw : all.vRaw;
    const now = side === "k" ? all.kSize : all.vSize;
    // Of a part of the dump only the relation is known.
    const then = bytes === of ? size : (now * size) / sizes[own][side];
    return `${side.toUpperCase()} with ${name} (${bytes === of ? "" : "~"}${ratio(raw / then)} instead of ${ratio(raw / now)} with ${own})`;
  };
  const found = [better("k"), better("v")].filter((text) => text !== null);
  const from = bytes === of ? "" : ` (estimated from ${size(bytes)} of ${size(of)})`;
  return [
    {
      name: "Codec",
      text: found.length > 0 ? `smaller would be ${found.join(" and ")}${from}.` : `${own} is the smallest for K and for V${from}.`,
    },
  ];
}

/** @param {Report} report */
function equals({ groups }) {
  const different = distinctGroups(groups).length;
  if (different === groups.length) return [];
  return [
    {
      name: "Equal",
      text: `${count(groups.length)} combinations have ${plural(different, "different result")}: those that come to the same bytes and errors are shown once.`,
    },
  ];
}
