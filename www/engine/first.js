// The engine that the page shows, started before the page's own modules are there: its module is most of what a first visit loads.

import { Engine, startOptions } from "./client.js";

export const engine = Engine.start(startOptions());
// Who waits for it says what is wrong.
engine.catch(() => {});
