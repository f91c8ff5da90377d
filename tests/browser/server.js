// A static server for dist/ that can be told how to serve: with or without the headers that isolate a page, under a path, and with
// a page of its own. It lists every request.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** @type {Record<string, string>} */
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".zip": "application/zip",
};
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

/**
 * @typedef {object} Options
 * @property {boolean} [isolated]  send the isolation headers
 * @property {string} [base]       path that dist/ lies under, "/" at both ends
 * @property {string} [second]     another such path
 * @property {Record<string, string>} [pages]  more files, by path
 * @property {(path: string, base: string) => string | undefined} [replace]  text to send in place of a file
 * @property {Record<string, import("node:http").RequestListener>} [answers]  what answers by itself, by path
 */

/**
 * @param {Options} [options]
 * @returns {Promise<{ origin: string, url: string, requests: string[], close: () => Promise<void> }>}
 */
export async function serve({ isolated = true, base = "/", second = base, pages = {}, replace, answers = {} } = {}) {
  /** @type {string[]} */
  const requests = [];
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://host").pathname;
    requests.push(path);
    const headers = isolated ? ISOLATION : {};
    if (path in answers) return void answers[path](request, response);
    if (path in pages) {
      response.writeHead(200, { "Content-Type": TYPES[extname(path)], ...headers }).end(pages[path]);
      return;
    }
    try {
      const under = [base, second].find((base) => path.startsWith(base));
      if (!under) throw new Error("outside");
      const inside = normalize(path.slice(under.length - 1));
      const file = inside.endsWith("/") ? `${inside}index.html` : inside;
      const body = replace?.(file, under) ?? (await readFile(join(ROOT, "dist", file)));
      response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream", ...headers }).end(body);
    } catch {
      response.writeHead(404, headers).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const origin = `http://127.0.0.1:${port}`;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { origin, url: origin + base, requests, close };
}
