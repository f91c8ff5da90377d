// What of an engine is asked for pictures and the lesson, where the engine may not have started yet.

/** @import { Engine } from "./client.js" */
/** @typedef {Pick<Engine, "captures" | "pictures" | "matter" | "lesson">} Inspector */

/** @param {<T>(question: (engine: Engine) => Promise<T>) => Promise<T>} ask finds the engine and asks it @returns {Inspector} */
export function inspectorOf(ask) {
  return {
    captures: () => ask((engine) => engine.captures()),
    pictures: (capture) => ask((engine) => engine.pictures(capture)),
    matter: (capture, setting) => ask((engine) => engine.matter(capture, setting)),
    lesson: (capture, tensor, request) => ask((engine) => engine.lesson(capture, tensor, request)),
  };
}
