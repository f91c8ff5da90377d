// Settings in the address (a copied link opens with the same ones), and as a kvlens command.
// `#analysis=mixed&lossless-first-n=4&learn=3`: flags as on the command line, only those that differ from the default.

/** @import { State } from "./types.js" */
import { changedSettings, paramsOf, sharedFlags, specOf } from "./settings.js";

/** @type {["tensorNames" | "axes" | "bits16", string][]} */
const MAPPING = [
  ["tensorNames", "tensor-names"],
  ["axes", "axes"],
  ["bits16", "bits16"],
];

/** @param {State} state @returns {string} the hash without "#" */
export function hashOf(state) {
  const query = new URLSearchParams();
  if (state.specs.length > 0 && state.analysis !== state.specs[0].name) query.set("analysis", state.analysis);
  for (const [flag, text] of Object.entries(changedSettings(state))) query.set(flag, text);
  if (!state.verify) query.set("verify", "no");
  for (const [key, flag] of MAPPING) if (state.mapping[key]) query.set(flag, state.mapping[key]);
  if (state.beside) query.set("dump", state.beside);
  if (state.lesson !== null) query.set("learn", String(state.lesson));
  // Commas and slashes are legal in a hash: they stay readable.
  return query.toString().replaceAll("%2C", ",").replaceAll("%2F", "/");
}

/**
 * The part of the state that a hash describes. Flags that the analysis doesn't have are passed over.
 * @param {State} state with specs @param {string} hash with or without "#"
 * @returns {Pick<State, "analysis" | "values" | "verify" | "lesson" | "mapping" | "beside">}
 */
export function stateOfHash(state, hash) {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  const spec = specOf(state, query.get("analysis") ?? "") ?? state.specs[0];
  const shared = sharedFlags(state.specs);
  /** @type {State["values"]} */
  const values = { ...state.values, "": {}, [spec.name]: {} };
  for (const { flag } of paramsOf(spec)) {
    const text = query.get(flag);
    if (text !== null) values[shared.has(flag) ? "" : spec.name][flag] = text;
  }
  const mapping = Object.fromEntries(MAPPING.flatMap(([key, flag]) => (query.get(flag) ? [[key, query.get(flag)]] : [])));
  return {
    analysis: spec.name,
    values,
    verify: query.get("verify") !== "no",
    lesson: lessonStep(hash),
    mapping,
    beside: query.get("dump") ?? "",
  };
}

/** @param {string} hash @returns {number | null} */
export function lessonStep(hash) {
  const text = new URLSearchParams(hash.replace(/^#/, "")).get("learn");
  if (text === null) return null;
  const step = Number.parseInt(text, 10);
  return step >= 1 ? step : 1;
}

/** @param {State} state @returns {string} */
export function commandOf(state) {
  const spec = specOf(state);
  if (!spec) return "";
  const kinds = new Map(paramsOf(spec).map((param) => [param.flag, param.kind.type]));
  const flags = Object.entries(changedSettings(state)).flatMap(([flag, text]) => {
    if (kinds.get(flag) === "switch") return text === "true" ? [`--${flag}`] : [];
    // A value that starts with a dash would be read as a flag.
    return [text.startsWith("-") ? `--${flag}=${quoted(text)}` : `--${flag} ${quoted(text)}`];
  });
  const runs = state.dump?.runs ?? [];
  const dump = runs.length === 1 ? runs[0].run || "DUMP" : "DUMP";
  const mapping = MAPPING.flatMap(([key, flag]) => (state.mapping[key] ? [`--${flag} ${quoted(state.mapping[key])}`] : []));
  const verify = state.verify ? ["--verify"] : [];
  return ["kvlens", spec.name, "--dump-dir", quoted(dump), "--out-dir", "report", ...mapping, ...flags, ...verify].join(" ");
}

/** @param {string} text */
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
