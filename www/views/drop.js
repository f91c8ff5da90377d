// Where a dump comes in: dropped, pasted, chosen, or fetched, which can be followed and ended.

/** @import { App } from "../app.js" */
/** @import { FormatInfo } from "../engine/core.js" */
/** @import { Fetching } from "../types.js" */
import { byId, fill, h } from "../dom.js";
import { chosenFiles } from "../files.js";
import { plural, size } from "../format.js";

/** The zone itself, which says what is going on. @param {App} app @returns {HTMLElement} */
export function dropZone(app) {
  const { store } = app;
  const folderInput = fileInput(app, "choose-folder", { webkitdirectory: true, "aria-label": "Folder of a dump" });
  const filesInput = fileInput(app, "choose-files", { multiple: true, "aria-label": "Files of a dump" });
  const title = h("p", { class: "drop-title" });
  const status = h("p", { class: "drop-status small muted" });
  const sample = button("Try the sample", () => void app.trySample(), { id: "try-sample", class: "primary" });
  const ways = h(
    "div",
    { class: "buttons" },
    button("Choose folder", () => folderInput.click()),
    button("Choose files", () => filesInput.click()),
    sample,
  );
  const drop = h(
    "div",
    { class: "drop" },
    h("div", { class: "drop-text" }, title, status, spoken(app)),
    fetchBar(app, sample),
    ways,
    folderInput,
    filesInput,
  );
  store.watch(
    ({ dump, reading, fetching, formats }) => [dump, reading, fetching, formats],
    () => {
      const { dump, reading, fetching, formats } = store.get();
      const empty = !dump || (dump.runs.length === 0 && dump.guesses.length === 0);
      drop.classList.toggle("large", empty);
      drop.classList.toggle("fetches", fetching !== null);
      if (reading === null) drop.removeAttribute("aria-busy");
      else drop.setAttribute("aria-busy", "true");
      title.textContent = empty ? "Drop a KV dump here" : "Drop more to add";
      status.textContent = fetching ? fetchText(fetching) : reading ? `${reading} …` : empty ? whatOpens(formats) : "";
      status.title = empty && formats.length > 0 ? `All endings: ${[...new Set(endings(formats))].join(", ")}` : "";
      sample.setAttribute("aria-disabled", String(reading !== null));
      const left = !empty && document.activeElement === sample;
      sample.hidden = !empty;
      // A button that goes away takes the focus with it.
      if (left) byId("dump").focus({ preventScroll: true });
    },
  );
  listenToDrops(app, drop);
  return drop;
}

/** What is read aloud of it: only start and end. @param {App} app */
function spoken({ store }) {
  const said = h("p", { class: "visually-hidden", role: "status" });
  store.watch(
    (state) => state.reading !== null,
    (reading, before) => {
      if (before === undefined) return;
      const { dump, dumpFailure, fetching } = store.get();
      if (reading) said.textContent = fetching ? `Getting ${fetching.name} …` : "Reading files …";
      else if (fetching?.cancelled) said.textContent = `Cancelled: ${fetching.name} was not opened.`;
      // What went wrong is an alert of its own.
      else said.textContent = dumpFailure ? "" : `The dump has ${plural(dump?.captures ?? 0, "capture")} now.`;
    },
  );
  return said;
}

/** How far the fetch of a dump is, and its end. @param {App} app @param {HTMLElement} sample takes the focus over where it is there */
function fetchBar(app, sample) {
  const bar = h("progress", { "aria-label": "Bytes fetched" });
  const stop = button("Cancel", () => app.cancelFetch(), { id: "cancel-fetch" });
  const root = h("div", { class: "buttons fetch", hidden: true }, bar, stop);
  app.store.watch(
    (state) => state.fetching,
    (fetching) => {
      const left = !fetching && document.activeElement === stop;
      root.hidden = !fetching;
      if (fetching?.total) [bar.max, bar.value] = [fetching.total, fetching.read];
      else bar.removeAttribute("value");
      if (!left) return;
      const next = app.store.get().reading ? null : (document.querySelector(".offer button") ?? (sample.hidden ? null : sample));
      /** @type {HTMLElement} */ (next ?? byId("dump")).focus({ preventScroll: true });
    },
  );
  return root;
}

/** @param {Fetching} fetching */
const fetchText = ({ name, read, total }) => `Getting ${name}: ${size(read)} ${total === null ? "so far" : `of ${size(total)}`} …`;

/** Asks for the dump that the link names. It is to be made before the zone, whose focus may move here. @param {App} app */
export function offerBox(app) {
  const { store } = app;
  const offer = h("div", { class: "offer" });
  const open = () => {
    void app.openBeside(true);
    byId("cancel-fetch").focus();
  };
  const leave = () => {
    store.set({ offer: null });
    byId("dump").focus({ preventScroll: true });
  };
  store.watch(
    (state) => state.offer,
    (what) =>
      fill(
        offer,
        what &&
          h(
            "div",
            { class: "message note" },
            h("p", { class: "what" }, `The link names a dump${what.bytes === null ? "" : ` of ${size(what.bytes)}`}: ${what.url.pathname}`),
            h("div", { class: "buttons" }, button("Open it", open), button("Leave it", leave)),
          ),
      ),
  );
  return offer;
}

/** @param {App} app @param {string} id @param {Record<string, any>} props */
function fileInput(app, id, props) {
  const change = () => {
    void app.add(chosenFiles(input.files ?? []));
    // The same choice again is a change too.
    input.value = "";
  };
  const input = h("input", { type: "file", id, hidden: true, ...props, on: { change } });
  return input;
}

/** @param {string} text @param {() => void} click @param {Record<string, string>} [props] */
const button = (text, click, props) => h("button", { type: "button", ...props, on: { click } }, text);

/** @param {FormatInfo[]} formats */
function whatOpens(formats) {
  const files = formats.filter(({ is_archive }) => !is_archive).flatMap((format) => endings([format])[0] ?? []);
  return `A folder, several folders, or files: ${["captures", ...files].join(", ")}, and archives of them`;
}

/** Files may be dropped anywhere on the page, and pasted. @param {App} app @param {HTMLElement} zone */
function listenToDrops(app, zone) {
  let depth = 0;
  /** @param {DragEvent} event */
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files") ?? false;
  /** @param {number} next */
  const over = (next) => {
    depth = Math.max(0, next);
    zone.classList.toggle("over", depth > 0);
  };
  addEventListener("dragenter", (event) => hasFiles(event) && over(depth + 1));
  addEventListener("dragleave", (event) => hasFiles(event) && over(depth - 1));
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("drop", (event) => {
    if (!event.dataTransfer || !hasFiles(event)) return;
    event.preventDefault();
    over(0);
    void app.addTransferred(event.dataTransfer);
  });
  addEventListener("paste", (event) => {
    if (!event.clipboardData?.types.includes("Files")) return;
    event.preventDefault();
    void app.addTransferred(event.clipboardData);
  });
}

/** Of what opens, all that a name's ending tells. @param {FormatInfo[]} formats */
const endings = (formats) => formats.flatMap(({ names }) => names.filter((name) => name.startsWith("*.")).map((name) => name.slice(1)));
