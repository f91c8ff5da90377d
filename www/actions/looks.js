// Estimates from a part of the dump: of the present settings at once from a little and then from more, for the answer in one line what
// explore says of some layers, and what other codecs would have given.

/** @import { Engine } from "../engine/client.js" */
/** @import { Report } from "../engine/core.js" */
/** @import { RunRequest } from "../engine/types.js" */
/** @import { State } from "../types.js" */
/** @import { Store } from "../store.js" */
import { changedSettings, searchOf } from "../settings.js";

/** Bytes of K and V times combinations that an estimate goes through: some 50 ms of two threads. */
const WORK_BYTES = 3 << 20;
/** The same where captures are large. */
const MORE_WORK_BYTES = 8 << 20;
const LARGE_DUMP_BYTES = 20e6;
/** And once what moved has come to rest. */
const REST_BYTES = 64 << 20;
/** Layers that explore looks at for its headline. */
const LAYERS = 2;

/** The setting that another codec has another value of. */
const CODEC = "compress-mode";

/** What explore tries for its headline: what engines have, what kvlens stores, and few steps and queries. */
const GLIMPSE = { classes: "engine,stored", steps: "0.04,0.085,0.18", queries: "4" };

/** Bytes of K and V that a report goes over. @param {Report} report */
const bytesOf = ({ groups }) => Math.max(...groups.map(({ all }) => all.kRaw + all.vRaw));

/** @param {Pick<Store<State>, "get" | "set">} store @param {Promise<Engine>} engine */
export function looks({ get, set }, engine) {
  /** @param {NonNullable<State["dump"]>} dump @param {AbortSignal} signal */
  async function present(dump, signal) {
    const { analysis } = get();
    const settings = changedSettings(get());
    const { bytes: of } = await (await engine).plan(analysis, settings);
    const large = dump.runs.reduce((sum, run) => sum + run.bytes, 0) > LARGE_DUMP_BYTES;
    for (const bytes of [large ? MORE_WORK_BYTES : WORK_BYTES, REST_BYTES]) {
      const report = await look({ analysis, settings, sample: { bytes } }, signal);
      if (signal.aborted) return;
      // That of other settings would pass for one of these.
      if (!report) return set({ estimate: null });
      const gone = bytesOf(report);
      set({ estimate: { analysis, report, bytes: gone, of } });
      if (gone >= of) return;
    }
  }

  /** @param {NonNullable<State["dump"]>} dump @param {AbortSignal} signal */
  async function glance(dump, signal) {
    const search = searchOf(get().specs);
    if (!search) return;
    const report = await look({ analysis: search.name, settings: GLIMPSE, sample: { layers: LAYERS } }, signal);
    if (get().dump !== dump) return;
    if (report?.explored?.points.length) set({ glimpse: report.explored });
    // What failed once (memory, a file that is gone, layers that are left out) would fail at every change of a setting.
    else if (!signal.aborted) set({ noGlimpse: true });
  }

  /** What the codecs that the result on screen has not used would have given: of a small dump all, of others a part. @param {AbortSignal} signal */
  async function otherCodecs(signal) {
    const { outcomes, shown, specs, dump } = get();
    const outcome = outcomes.find(({ id }) => id === shown);
    const spec = specs.find(({ name }) => name === outcome?.analysis);
    const codec = spec?.params.find(({ flag }) => flag === CODEC)?.kind;
    if (!outcome?.report || outcome.codecs || outcome.runs !== dump?.runs || codec?.type !== "choice" || spec?.variants !== "one") return;
    const own = String(outcome.report.settings[CODEC]);
    /** @type {Record<string, { k: number, v: number }>} */
    const sizes = {};
    let bytes = 0;
    for (const { value } of codec.choices) {
      const settings = { ...outcome.settings, [CODEC]: value };
      const report = await look({ analysis: outcome.analysis, settings, sample: { bytes: MORE_WORK_BYTES } }, signal);
      if (!report) return;
      bytes = bytesOf(report);
      sizes[value] = { k: report.groups[0].all.kSize, v: report.groups[0].all.vSize };
    }
    const codecs = { own, sizes, bytes, of: outcome.bytes };
    set({ outcomes: get().outcomes.map((each) => (each.id === outcome.id ? { ...each, codecs } : each)) });
  }

  /** @param {RunRequest} request @param {AbortSignal} signal */
  async function look(request, signal) {
    if (signal.aborted) return null;
    try {
      return (await (await engine).run({ ...request, verify: false }, { signal })).report;
    } catch {
      // No estimate is no fault: a run says what is wrong.
      return null;
    }
  }

  return { present, glance, otherCodecs };
}
