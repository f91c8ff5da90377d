// Figures of each run of a dump beside those of all of them: runs of different models, types or lengths pooled say little.

/** @import { RunSummary } from "../engine/core.js" */
/** @import { Outcome } from "../types.js" */
/** @import { Column } from "./table.js" */
import { RunSums } from "../figures.js";
import { bareRatio, cosine, count } from "../format.js";
import { table } from "./table.js";

/** @typedef {ReturnType<RunSums["list"]>[number]} Line */

/** @param {Outcome} outcome @param {string} [variant] only its rows */
export function runTable({ rows, runs, runOf }, variant) {
  const facts = new Map(runs.map((run) => [run.run, run]));
  /** @param {Line} line @returns {RunSummary | undefined} */
  const of = ({ run }) => facts.get(run);
  /** @type {Column<Line>[]} */
  const columns = [
    { head: "Run", class: "text", value: ({ run }) => run || "Files without a folder" },
    { head: "Type", class: "text", value: (line) => dtypes(of(line)) },
    { head: "Layers", value: (line) => of(line)?.layers.length ?? 0 },
    { head: "Tokens", class: "text", value: (line) => tokens(of(line)) },
    { head: "Captures", value: ({ captures }) => captures, cell: ({ captures }) => count(captures) },
    { head: "KV ratio", unit: "×", value: kvRatio, cell: (line) => bareRatio(kvRatio(line)) },
    { head: "K ratio", unit: "×", class: "k", value: ({ k }) => k.ratio, cell: ({ k }) => bareRatio(k.ratio) },
    { head: "V ratio", unit: "×", class: "v", value: ({ v }) => v.ratio, cell: ({ v }) => bareRatio(v.ratio) },
    {
      head: "K cosine",
      class: "k",
      title: "Over its lossy layers",
      value: ({ k }) => k.errors?.cosine ?? 2,
      cell: ({ k }) => (k.errors ? cosine(k.errors.cosine) : "–"),
    },
    {
      head: "V cosine",
      class: "v",
      title: "Over its lossy layers",
      value: ({ v }) => v.errors?.cosine ?? 2,
      cell: ({ v }) => (v.errors ? cosine(v.errors.cosine) : "–"),
    },
  ];
  return table(`Figures of each run${variant ? `, ${variant}` : ""}`, columns, new RunSums(runOf).add(rows, variant).list());
}

/** @param {Line} line */
const kvRatio = ({ k, v }) => (k.size + v.size > 0 ? (k.raw + v.raw) / (k.size + v.size) : 0);

/** @param {RunSummary | undefined} run */
const dtypes = (run) => run?.dtypes.map(({ dtype }) => dtype).join(", ") ?? "";

/** @param {RunSummary | undefined} run */
function tokens(run) {
  const lengths = run?.shapes.map(({ seqLen }) => seqLen) ?? [];
  const [least, greatest] = [Math.min(...lengths), Math.max(...lengths)];
  return lengths.length === 0 ? "" : least === greatest ? count(least) : `${count(least)} to ${count(greatest)}`;
}
