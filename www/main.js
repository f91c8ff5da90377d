// The page: a store, views that follow it, and the engine behind it.

import { createApp } from "./app.js";
import { byId, isEmbedded } from "./dom.js";
import { keepOffline } from "./engine/isolation.js";
import { notLoaded } from "./later.js";
import { mountAnalysis } from "./views/analysis.js";
import { preloadCharts } from "./views/charts.js";
import { mountDump } from "./views/dump.js";
import { preloadSnippets } from "./views/getting.js";
import { mountHeader } from "./views/header.js";
import { listenToKeys } from "./views/keys.js";
import { mountLesson } from "./views/lesson.js";
import { mountSplit } from "./views/split.js";

const app = createApp();
mountHeader(app);
mountDump(app);
mountSplit(app);
mountAnalysis(app);
mountLesson(app);
listenToKeys(app);
/** Without one of them the rest of the page works on. @param {Promise<unknown>} mounted */
const part = (mounted) => mounted.catch((error) => byId("result-body").append(notLoaded(error)));
// The engine takes longer to load than these.
const parts = [
  part(import("./views/answer.js").then(({ mountAnswer }) => mountAnswer(app))),
  part(import("./views/results.js").then(({ mountResults }) => mountResults(app))),
];
if (isEmbedded()) void part(import("./views/embed.js").then(({ mountEmbed }) => mountEmbed(app)));
await Promise.all([app.start(), ...parts]);
// What a later click needs is fetched now: once a dump is in, nothing is requested any more.
await Promise.allSettled([
  preloadCharts(),
  import("./views/explored.js"),
  import("./charts/report.js"),
  import("./charts/otherwise.js"),
  import("./actions/judging.js"),
  import("./views/two-runs.js"),
  import("./vendor/client-zip.js"),
  preloadSnippets(),
]);
await keepOffline();
