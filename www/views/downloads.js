// The report files under their names, and all of them in one zip.

/** @import { ReportFile } from "../engine/types.js" */
/** @import { State } from "../types.js" */
import { h } from "../dom.js";
import { megabytes } from "../format.js";

/** @param {ReportFile[]} files @param {string} name of the zip, without its ending @param {() => Promise<Blob>} page makes report.html */
export function downloads(files, name, page) {
  if (files.length === 0) return null;
  const single = files.map((file) =>
    h(
      "button",
      {
        type: "button",
        class: "quiet file",
        "data-file": file.name,
        title: `Download ${file.name}`,
        on: { click: () => save(new Blob([file.bytes], { type: typeOf(file.name) }), file.name) },
      },
      h("span", { class: "file-name" }, file.name),
      h("span", { class: "muted small" }, megabytes(file.bytes.length)),
    ),
  );
  const report = h(
    "button",
    {
      type: "button",
      class: "quiet file",
      "data-file": "report.html",
      title: "Download report.html: charts and tables in one file, to mail or print",
      on: { click: async () => save(await page(), "report.html") },
    },
    h("span", { class: "file-name" }, "report.html"),
    h("span", { class: "muted small" }, "with charts"),
  );
  return h(
    "div",
    { class: "downloads" },
    single,
    report,
    h(
      "button",
      { type: "button", id: "download-all", on: { click: async () => save(await zipOf(files, await page()), `${name}.zip`) } },
      "Download all (.zip)",
    ),
  );
}

/** @param {ReportFile[]} files @param {Blob} page report.html @returns {Promise<Blob>} */
async function zipOf(files, page) {
  // Loaded only when it is needed.
  const { downloadZip } = await import("../vendor/client-zip.js");
  return downloadZip([...files.map(({ name, bytes }) => ({ name, input: bytes })), { name: "report.html", input: page }]).blob();
}

/** @param {string} name */
const typeOf = (name) => (name.endsWith(".csv") ? "text/csv" : name.endsWith(".md") ? "text/markdown" : "text/html");

/** @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  // A name with a folder in it would lose the folder anyway: it becomes part of the name.
  h("a", { href: url, download: name.replaceAll("/", "_") }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Name of a file made of the whole dump: that of its run where there is one. @param {State["dump"]} dump @param {string} ending */
export function nameOf(dump, ending) {
  const runs = dump?.runs ?? [];
  return `${(runs.length === 1 && runs[0].run) || "dump"}.${ending}`;
}
