// Values of the form: texts by flag, as on the command line, kept only where they differ from the default.
// What there is to set comes from the core's definitions, and the core alone says what is wrong with a value (State.plan).

/** @import { AnalysisSpec, Choice, ParamSpec } from "./engine/core.js" */
/** @import { Settings } from "./engine/types.js" */
/** @import { State } from "./types.js" */
import { number } from "./format.js";

/** @param {AnalysisSpec} spec */
export const paramsOf = (spec) => spec.params;

/** @param {ParamSpec} param */
export const defaultText = (param) => (Array.isArray(param.default) ? param.default.join(",") : String(param.default));

/** @param {Pick<State, "specs" | "analysis">} state @param {string} [name] */
export const specOf = (state, name = state.analysis) => state.specs.find((spec) => spec.name === name);

/** The analysis that looks for the smallest choices within a limit. @param {AnalysisSpec[]} specs */
export const searchOf = (specs) => specs.find(({ variants }) => variants === "none");

/** Whether it is that one, whose answer stands in the place of the split. @param {Pick<State, "specs" | "analysis">} state @param {string} [analysis] */
export const isSearch = (state, analysis) => specOf(state, analysis)?.variants === "none";

/** The layers before it stay lossless. */
export const SPLIT = "lossless-first-n";

/** @param {AnalysisSpec} spec */
export const hasSplit = (spec) => paramsOf(spec).some(({ flag }) => flag === SPLIT);

/** Whether every capture has one row, so that a layer has one ratio. @param {State} state @param {string} analysis */
export const oneVariant = (state, analysis) => specOf(state, analysis)?.variants === "one";

/** Flags that every analysis with a split has keep their value from tab to tab. @param {AnalysisSpec[]} specs */
export function sharedFlags(specs) {
  const [first, ...rest] = specs.filter(hasSplit).map((spec) => new Set(paramsOf(spec).map((param) => param.flag)));
  return new Set([...(first ?? [])].filter((flag) => rest.every((flags) => flags.has(flag))));
}

/**
 * What differs from the defaults of one analysis.
 * @param {State} state @param {string} [name] @returns {Settings}
 */
export function changedSettings(state, name = state.analysis) {
  const spec = specOf(state, name);
  if (!spec) return {};
  const all = { ...state.values[""], ...state.values[name] };
  const pairs = paramsOf(spec).flatMap((param) => {
    const text = all[param.flag];
    return text === undefined || text === defaultText(param) ? [] : [/** @type {const} */ ([param.flag, text])];
  });
  return Object.fromEntries(pairs);
}

/** @param {State} state @param {ParamSpec} param */
export const valueOf = (state, param) => changedSettings(state)[param.flag] ?? defaultText(param);

/** The value of a setting of the chosen analysis. @param {State} state @param {string} flag */
export function valueByFlag(state, flag) {
  const spec = specOf(state);
  const param = spec && paramsOf(spec).find((each) => each.flag === flag);
  return param ? valueOf(state, param) : "";
}

/**
 * The state's `values` with one of them set.
 * @param {State} state @param {string} flag @param {string} text
 */
export function withValue(state, flag, text) {
  const home = sharedFlags(state.specs).has(flag) ? "" : state.analysis;
  return { ...state.values, [home]: { ...state.values[home], [flag]: text } };
}

/** A setting without effect under the others isn't shown. @param {State} state @param {ParamSpec} param */
export const applies = (state, param) => hasEffect(param, (flag) => valueByFlag(state, flag));

/** Whether a setting has an effect where the others have these values. @param {ParamSpec} param @param {(flag: string) => string} valueOf */
export const hasEffect = ({ when }, valueOf) =>
  !when ||
  valueOf(when.flag)
    .split(",")
    .some((value) => when.is.includes(value));

/** "0 to 23", or "" where there is no range. @param {ParamSpec} param */
export function rangeText({ kind }) {
  if (!("min" in kind)) return "";
  // A bound that only keeps numbers sane isn't worth a word.
  const least = kind.min > 0 && kind.min < 1e-6 ? "above 0" : kind.max >= 1e6 ? `from ${number(kind.min)}` : number(kind.min);
  return kind.max >= 1e6 ? least : `${least} to ${number(kind.max)}`;
}

/** Default in words. @param {ParamSpec} param */
export function defaultWords(param) {
  const { kind } = param;
  const text = defaultText(param);
  if (kind.type === "switch") return text === "true" ? "on" : "off";
  /** @type {Choice[]} */
  const choices = "choices" in kind ? kind.choices : [];
  return (
    text
      .split(",")
      .map((item) => choices.find(({ value }) => value === item)?.label ?? item)
      .join(", ") || "none"
  );
}
