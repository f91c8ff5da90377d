// Our zstd's sizes in Chromium: node bench-zstd.js MODULE STREAMS LEVEL ROUNDS, the lengths of the streams in STREAMS as JSON on standard
// input, a list for each batch. Prints the seconds of all batches (the best of the rounds counts for each) and the bytes of all frames.
import { text } from "node:stream/consumers";
import { launch } from "./chromium.js";
import { EMPTY } from "./engine.js";
import { serve } from "./server.js";

const [module, streams, level, rounds] = process.argv.slice(2);
// Isolated, for the finer clock that such pages get.
const host = await serve({ pages: EMPTY });
const browser = await launch();
const page = await browser.context.newPage();
page.setDefaultTimeout(0);
await page.goto(`${host.origin}/empty.html`);
await page.setInputFiles("input[multiple]:not([webkitdirectory])", [module, streams]);

const measured = await page.evaluate(
  async ({ batches, level, rounds }) => {
    const input = /** @type {HTMLInputElement} */ (document.querySelector("input[multiple]:not([webkitdirectory])"));
    const [module, streams] = await Promise.all([...(input.files ?? [])].map((file) => file.arrayBuffer()));
    // The page's glue is linked too and never called: whatever it imports will do.
    const anything = new Proxy({}, { get: () => new Proxy({}, { get: () => () => 0 }) });
    const { instance } = await WebAssembly.instantiate(module, anything);
    const { memory, room, size } = /** @type {any} */ (instance.exports);
    const place = room(streams.byteLength) >>> 0;
    new Uint8Array(memory.buffer, place, streams.byteLength).set(new Uint8Array(streams));

    // V8 optimizes code that has run for a while, in the background: few or small streams would be done before.
    for (const until = performance.now() + 2000; performance.now() < until;) {
      let at = 0;
      for (const length of batches[0]) {
        size(at, length, level);
        at += length;
      }
    }
    let start = 0;
    let [seconds, frames] = [0, 0];
    for (const lengths of batches) {
      let best = Infinity;
      let [sum, at] = [0, start];
      for (let round = 0; round < rounds; round++) {
        [sum, at] = [0, start];
        const started = performance.now();
        for (const length of lengths) {
          sum += size(at, length, level);
          at += length;
        }
        best = Math.min(best, performance.now() - started);
      }
      start = at;
      seconds += best / 1e3;
      frames += sum;
    }
    return { seconds, frames };
  },
  { batches: /** @type {number[][]} */ (JSON.parse(await text(process.stdin))), level: Number(level), rounds: Number(rounds) },
);
await browser.close();
await host.close();
process.stdout.write(JSON.stringify(measured));
