// The report files under their names, and all of them in one zip.

/** @import { ReportFile } from "../engine/types.js" */
/** @import { State } from "../types.js" */
import { fill, h } from "../dom.js";
import { size } from "../format.js";
import { save } from "../save.js";
import { failureBox } from "./failure.js";

/** @param {ReportFile[]} files @param {string} name of the zip, without its ending @param {() => Promise<Blob>} page makes report.html */
export function downloads(files, name, page) {
  if (files.length === 0) return null;
  const failure = h("div", { role: "alert" });
  /** @param {string} what @param {unknown} error */
  const failed = (what, error) =>
    fill(
      failure,
      failureBox({
        message: `${what} could not be made: ${error instanceof Error ? error.message : error}`,
        hint: "The report’s files are here one by one. Once the page can be loaded again, reload it for the rest.",
      }),
    );
  /** @param {string} what is made @param {() => Promise<void>} make */
  const attempt = (what, make) => {
    fill(failure);
    return make().catch((error) => failed(what, error));
  };
  const saveReport = () => attempt("report.html", async () => save(await page(), "report.html"));
  const saveAll = () =>
    attempt(`${name}.zip`, async () => {
      // Without report.html it still has every file of the report.
      const html = await page().catch((error) => failed("report.html", error));
      save(await zipOf(files, html), `${name}.zip`);
    });
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
      h("span", { class: "muted small" }, size(file.bytes.length)),
    ),
  );
  const report = h(
    "button",
    {
      type: "button",
      class: "quiet file",
      "data-file": "report.html",
      title: "Download report.html: charts and tables in one file, to mail or print",
      on: { click: saveReport },
    },
    h("span", { class: "file-name" }, "report.html"),
    h("span", { class: "muted small" }, "with charts"),
  );
  return h(
    "div",
    { class: "downloads" },
    single,
    report,
    h("button", { type: "button", id: "download-all", on: { click: saveAll } }, "Download all (.zip)"),
    failure,
  );
}

/** @param {ReportFile[]} files @param {Blob | void} page report.html, where there is one @returns {Promise<Blob>} */
async function zipOf(files, page) {
  // Loaded only when it is needed.
  const { downloadZip } = await import("../vendor/client-zip.js");
  const reports = files.map(({ name, bytes }) => ({ name, input: bytes }));
  return downloadZip(page ? [...reports, { name: "report.html", input: page }] : reports).blob();
}

/** @param {string} name */
const typeOf = (name) => (name.endsWith(".csv") ? "text/csv" : name.endsWith(".md") ? "text/markdown" : "text/html");

/** Name of a file made of the whole dump: that of its run where there is one. @param {State["dump"]} dump @param {string} ending */
export function nameOf(dump, ending) {
  const runs = dump?.runs ?? [];
  return `${(runs.length === 1 && runs[0].run) || "dump"}.${ending}`;
}
