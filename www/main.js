// The page: a store, views that follow it, and the engine behind it.

import { createApp } from "./app.js";
import { mountAnalysis } from "./views/analysis.js";
import { mountDump } from "./views/dump.js";
import { mountHeader } from "./views/header.js";
import { listenToKeys } from "./views/keys.js";
import { mountLesson } from "./views/lesson.js";
import { mountResults } from "./views/results.js";
import { mountSplit } from "./views/split.js";

const app = createApp();
mountHeader(app);
mountDump(app);
mountSplit(app);
mountAnalysis(app);
mountResults(app);
mountLesson(app);
listenToKeys(app);
void app.start();
