// Bundles Observable Plot as www/vendor/plot.js and gathers the licences of all that went into it as plot.LICENSE.txt beside it.
import { build } from "esbuild";
import { readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const here = new URL(".", import.meta.url).pathname;
const out = new URL("../../www/vendor/", import.meta.url).pathname;
const manifest = async (name) => JSON.parse(await readFile(`${here}node_modules/${name}/package.json`, "utf8"));
const { version } = await manifest("@observablehq/plot");

// Plot puts a <style> element in every SVG and swatch legend. Under `style-src 'self'` the browser drops it with an
// error in the console, so it is taken out here; the same rules stand in www/charts/charts.css.
const withoutInlineStyle = {
  name: "without-inline-style",
  setup(plugins) {
    const cuts = [
      {
        filter: /plot\/src\/plot\.js$/,
        cut: /\.call\(\(svg\) =>\s*\/\/ Warning[^\n]*\n\s*svg\.append\("style"\)\.text\(\s*`[^`]*`\s*\)\s*\)/,
      },
      {
        filter: /plot\/src\/legends\/ramp\.js$/,
        cut: /\.call\(\(svg\) =>[^\n]*\n(?:\s*\/\/[^\n]*\n)*\s*svg\.append\("style"\)\.text\(\s*`[^`]*`\s*\)\s*\)/,
      },
      { filter: /plot\/src\/legends\/swatches\.js$/, cut: /\.call\(\(div\) =>\s*div\.insert\("style", "\*"\)\.text\(\s*`[^`]*`\s*\)\s*\)/ },
    ];
    for (const { filter, cut } of cuts) {
      plugins.onLoad({ filter }, async ({ path }) => {
        const source = await readFile(path, "utf8");
        const contents = source.replace(cut, "");
        if (contents === source) throw new Error(`${path}: the <style> to take out was not found`);
        return { contents, loader: "js" };
      });
    }
  },
};

const { metafile } = await build({
  entryPoints: [`${here}entry.js`],
  outfile: `${out}plot.js`,
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2022",
  legalComments: "none",
  metafile: true,
  banner: { js: `/*! Observable Plot ${version} and the d3 modules it uses. Licences: plot.LICENSE.txt. How it was made: README.md */` },
  plugins: [withoutInlineStyle],
});

const packages = new Set();
const [{ inputs }] = Object.values(metafile.outputs);
for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
  if (bytesInOutput === 0) continue;
  const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1];
  if (name) packages.add(name);
}
const licences = [];
for (const name of [...packages].sort()) {
  const root = `${here}node_modules/${name}`;
  const { version, license } = await manifest(name);
  const text = await readFile(`${root}/LICENSE`, "utf8").catch(() => readFile(`${root}/LICENSE.txt`, "utf8"));
  licences.push(`${name} ${version} (${license})\n\n${text.trim()}\n`);
}
await writeFile(`${out}plot.LICENSE.txt`, licences.join(`\n${"-".repeat(80)}\n\n`));

const bytes = await readFile(`${out}plot.js`);
if (/["'`]style["'`]\)\.text\(|createElement\(["'`]style/.test(bytes.toString())) throw new Error("a <style> element is still made");
console.log(`plot.js: ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} gzipped, ${packages.size} packages`);
