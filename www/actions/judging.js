// Thresholds of a sweep that were moved on its result: headline, table and files follow, without another run.

/** @import { Engine } from "../engine/client.js" */
/** @import { ReportFile } from "../engine/types.js" */
/** @import { State } from "../types.js" */
/** @import { Store } from "../store.js" */
import { failureOf } from "./failure.js";

/** @param {Store<State>} store @param {Promise<Engine>} engine */
export function judgingActions({ get, set }, engine) {
  /** What is wanted next, while an answer is under way. @type {{ id: number, thresholds: Record<string, string> } | null} */
  let due = null;
  let asking = false;

  /**
   * Of several that come while the core is asked only the last counts.
   * @param {number} id of a sweep's result @param {Record<string, string>} thresholds by flag
   */
  async function judge(id, thresholds) {
    due = { id, thresholds };
    if (asking) return;
    asking = true;
    try {
      while (due) {
        const { id, thresholds } = due;
        due = null;
        await judgeOnce(id, thresholds);
      }
    } catch (error) {
      set({ runFailure: failureOf(error) });
    } finally {
      asking = false;
    }
  }

  /** @param {number} id @param {Record<string, string>} thresholds */
  async function judgeOnce(id, thresholds) {
    const report = get().outcomes.find((outcome) => outcome.id === id)?.report;
    if (!report) return;
    const settings = { ...report.settings, ...thresholds };
    const moved = Object.entries(thresholds).filter(([flag, text]) => String(report.settings[flag]) !== text);
    const { groups, captures, otherTypes } = report;
    const verdict = await (await engine).judge({ settings, groups, captures, otherTypes });
    const texts = new Map(verdict.files);
    /** @param {ReportFile} file */
    const renewed = (file) => {
      const text = texts.get(file.name);
      return text === undefined ? file : { ...file, bytes: new TextEncoder().encode(text) };
    };
    set({
      outcomes: get().outcomes.map((outcome) =>
        outcome.id === id
          ? {
              ...outcome,
              settings: { ...outcome.settings, ...Object.fromEntries(moved) },
              report: { ...report, settings, groups: verdict.groups, headline: verdict.headline },
              files: outcome.files.map(renewed),
            }
          : outcome,
      ),
    });
  }

  return { judge };
}
