// The page: a store, views that follow it, and the engine behind it.

import { createApp } from "./app.js";
import { keepOffline } from "./engine/isolation.js";
import { mountAnalysis } from "./views/analysis.js";
import { mountAnswer } from "./views/answer.js";
import { preloadCharts } from "./views/charts.js";
import { mountDump } from "./views/dump.js";
import { mountEmbed } from "./views/embed.js";
import { preloadSnippets } from "./views/getting.js";
import { mountHeader } from "./views/header.js";
import { listenToKeys } from "./views/keys.js";
import { mountLesson } from "./views/lesson.js";
import { mountResults } from "./views/results.js";
import { mountSplit } from "./views/split.js";

const app = createApp();
mountHeader(app);
mountDump(app);
mountAnswer(app);
mountSplit(app);
mountAnalysis(app);
mountResults(app);
mountLesson(app);
mountEmbed(app);
listenToKeys(app);
await app.start();
// What a later click needs is fetched now: once a dump is in, nothing is requested any more.
await Promise.allSettled([
  preloadCharts(),
  import("./charts/report.js"),
  import("./charts/otherwise.js"),
  import("./actions/judging.js"),
  import("./views/two-runs.js"),
  import("./vendor/client-zip.js"),
  preloadSnippets(),
]);
await keepOffline();
