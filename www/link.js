// Settings in the address (a copied link opens with the same ones), and as a kvlens command.
// `#analysis=mixed&lossless-first-n=4&learn=3`: flags as on the command line, only those that differ from the default.

/** @import { State } from "./types.js" */
import { ENGINES } from "./explore/engines.js";
import { changedSettings, paramsOf, sharedFlags, specOf } from "./settings.js";

/** @type {[keyof State["mapping"], string][]} */
const MAPPING = [
  ["tensorNames", "tensor-names"],
  ["axes", "axes"],
  ["kvHeads", "kv-heads"],
  ["bits16", "bits16"],
];

/**
 * What a form or a link says of arrays, as the core takes it: heads are a number.
 * @param {Record<string, string>} texts by name @returns {State["mapping"]}
 */
export function mappingOf({ kvHeads, ...texts }) {
  const given = Object.entries(texts).filter(([, text]) => text !== "");
  // What is no number of heads goes to the core as it is, which refuses it in words.
  const heads = kvHeads ? { kvHeads: /^0*[1-9]\d{0,14}$/.test(kvHeads) ? Number(kvHeads) : kvHeads } : {};
  return /** @type {State["mapping"]} */ ({ ...Object.fromEntries(given), ...heads });
}

/** What of the lesson's place a link holds, as `at-layer` and so on. */
const PLACE = ["run", "layer", "tensor", "token", "head", "channel", "method", "bits"];

/** @param {State} state @returns {string} the hash without "#" */
export function hashOf(state) {
  const query = new URLSearchParams();
  if (state.specs.length > 0 && state.analysis !== state.specs[0].name) query.set("analysis", state.analysis);
  for (const [flag, text] of Object.entries(changedSettings(state))) query.set(flag, text);
  if (!state.verify) query.set("verify", "no");
  for (const [key, flag] of MAPPING) if (state.mapping[key]) query.set(flag, String(state.mapping[key]));
  if (state.serve !== ENGINES[0]) query.set("serve", state.serve);
  if (state.beside) query.set("dump", state.beside);
  if (state.lesson !== null) query.set("learn", String(state.lesson));
  if (state.lesson !== null) for (const [key, text] of Object.entries(state.lessonPlace)) query.set(`at-${key}`, text);
  // Commas and slashes are legal in a hash: they stay readable.
  return query.toString().replaceAll("%2C", ",").replaceAll("%2F", "/");
}

/** A link's keys and values, which remembers what was asked for. */
class Query {
  #params;
  /** @type {Set<string>} */
  #read = new Set();

  /** @param {string} hash with or without "#" */
  constructor(hash) {
    this.#params = new URLSearchParams(hash.replace(/^#/, ""));
  }

  /** @param {string} key */
  get(key) {
    this.#read.add(key);
    return this.#params.get(key);
  }

  /** Keys that nobody asked for. */
  get unread() {
    return [...new Set(this.#params.keys())].filter((key) => !this.#read.has(key));
  }
}

/**
 * The part of the state that a hash describes. What this page does not know is named in `strangeKeys` and passed over.
 * @param {State} state with specs @param {string} hash with or without "#"
 * @returns {Pick<State, "analysis" | "values" | "verify" | "lesson" | "lessonPlace" | "mapping" | "beside" | "serve" | "strangeKeys">}
 */
export function stateOfHash(state, hash) {
  const query = new Query(hash);
  const name = query.get("analysis") ?? "";
  const found = specOf(state, name);
  const spec = found ?? state.specs[0];
  const shared = sharedFlags(state.specs);
  /** @type {State["values"]} */
  const values = { ...state.values, "": {}, [spec.name]: {} };
  for (const { flag } of paramsOf(spec)) {
    const text = query.get(flag);
    if (text !== null) values[shared.has(flag) ? "" : spec.name][flag] = text;
  }
  const mapping = mappingOf(Object.fromEntries(MAPPING.map(([key, flag]) => [key, query.get(flag) ?? ""])));
  for (const key of PLACE) query.get(`at-${key}`);
  query.get("run");
  query.get("learn");
  const verify = query.get("verify") !== "no";
  const beside = query.get("dump") ?? "";
  const served = query.get("serve");
  const serve = ENGINES.find((engine) => engine === served) ?? ENGINES[0];
  const strangeKeys = [...(found || !name ? [] : [`analysis=${name}`]), ...query.unread];
  return {
    analysis: spec.name,
    values,
    verify,
    lesson: lessonStep(hash),
    lessonPlace: lessonPlace(hash),
    mapping,
    beside,
    serve,
    strangeKeys,
  };
}

/** The address to hand on: with a dump beside the page it also shows the result. @param {State} state */
export function linkOf(state) {
  const hash = [hashOf(state), state.beside && state.shown !== null ? "run=1" : ""].filter(Boolean).join("&");
  return location.origin + location.pathname + location.search + (hash ? `#${hash}` : "");
}

/** Whether a link wants its dump analysed at once. @param {string} hash with or without "#" */
export const asksToRun = (hash) => new Query(hash).get("run") === "1";

/** @param {string} hash @returns {number | null} */
export function lessonStep(hash) {
  const text = new Query(hash).get("learn");
  if (text === null) return null;
  const step = Number.parseInt(text, 10);
  return step >= 1 ? step : 1;
}

/** What the lesson is to show, of its link. @param {string} hash @returns {State["lessonPlace"]} */
export function lessonPlace(hash) {
  const query = new Query(hash);
  const texts = PLACE.map((key) => [key, query.get(`at-${key}`)]);
  return Object.fromEntries(texts.filter(([, text]) => text !== null));
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
  const runs = state.leftOut.length > 0 ? (state.dump?.runs ?? []).map(({ run }) => `--run=${quoted(run)}`) : [];
  const mapping = MAPPING.flatMap(([key, flag]) => (state.mapping[key] ? [`--${flag} ${quoted(String(state.mapping[key]))}`] : []));
  const verify = state.verify ? ["--verify"] : [];
  return ["kvlens", spec.name, ...dumpOf(state.sources), ...runs, "--out-dir", "report", ...mapping, ...flags, ...verify].join(" ");
}

/** More are no command that one would read. */
const MAX_NAMED = 8;

/** How a command names what was taken in. @param {string[]} sources */
function dumpOf(sources) {
  // A name that starts with a dash would be read as a flag.
  const names = sources.map((name) => quoted(name.startsWith("-") ? `./${name}` : name));
  if (names.length === 1) return ["--dump-dir", names[0]];
  // Loose files of captures are read together, from a folder.
  const isLoose = sources.some((name) => /\.(json|bin)$/.test(name));
  return names.length === 0 || names.length > MAX_NAMED || isLoose ? ["--dump-dir", "DUMP"] : names;
}

/** @param {string} text */
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
