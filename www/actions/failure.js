// What went wrong, as the page shows it.

/** @import { Failure } from "../types.js" */
import { EngineError } from "../engine/errors.js";

/** @param {unknown} error @returns {Failure} */
export function failureOf(error) {
  if (error instanceof EngineError) return { message: error.message, hint: error.hint, code: error.code };
  return { message: error instanceof Error ? error.message : String(error), hint: "Reload the page and try again." };
}
