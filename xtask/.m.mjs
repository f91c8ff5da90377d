// Removes comments and blanks from the scripts and styles of a folder, in place: node minify.js FOLDER FILE...
//
// Names stay, so that what a browser reports of an error can be read.
import { build } from "esbuild";

const [folder, ...entryPoints] = process.argv.slice(2);
await build({
  absWorkingDir: folder,
  entryPoints,
  outdir: ".",
  outbase: ".",
  allowOverwrite: true,
  charset: "utf8",
  format: "esm",
  legalComments: "inline",
  logLevel: "warning",
  minifySyntax: true,
  minifyWhitespace: true,
});
