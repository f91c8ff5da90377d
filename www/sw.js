// The service worker: keeps the page for offline use, and gives it the headers that threads need, where the host does not send them.
// `cargo xtask build` puts in the version (a hash of all files), the digest of each, and the page's policy.
//
// A file is kept, and given from what is kept, only when its digest is the built one: the log-in page of a hotel's network, a proxy's
// error or a damaged cache must not become the page.

const VERSION = "@VERSION@";
/** @type {Record<string, string>} The start of each file's SHA-256, by path. */
const FILES = { "@FILES@": "" };
const POLICY = "@POLICY@";

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const SCOPE = worker.registration.scope;
/** Caches belong to the whole origin, where other copies of this page may live under other paths. No path has a space. */
const OURS = `kvlens ${new URL(SCOPE).pathname} `;
const CACHE = OURS + VERSION;
const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  // Not `credentialless`, which Safari ignores.
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

worker.addEventListener("install", (event) => {
  if (worker.registration.active) {
    // An update is complete before it may take over, which the page asks for.
    event.waitUntil(fill());
  } else {
    // The first one takes over at once, so that the page gets its threads; the page asks for `fill` later.
    event.waitUntil(worker.skipWaiting());
  }
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) {
        if (name.startsWith(OURS) && name !== CACHE) await caches.delete(name);
      }
      await worker.clients.claim();
    })(),
  );
});

worker.addEventListener("message", (event) => {
  if (event.data === "take-over") event.waitUntil(worker.skipWaiting());
  if (event.data === "fill") {
    event.waitUntil(
      fill().then(
        () => event.ports[0]?.postMessage("filled"),
        () => event.ports[0]?.postMessage("failed"),
      ),
    );
  }
});

worker.addEventListener("fetch", (event) => {
  const name = nameOf(event.request.url);
  // Other pages under this path, and the service worker's own script, are the host's.
  if (event.request.method === "GET" && name !== undefined) event.respondWith(answer(event.request, name));
});

/**
 * The file of the page that an address means, if any.
 * @param {string} address
 */
function nameOf(address) {
  const url = new URL(address);
  const path = url.origin + url.pathname;
  if (!path.startsWith(SCOPE)) return undefined;
  const name = path.slice(SCOPE.length) || "index.html";
  return Object.hasOwn(FILES, name) ? name : undefined;
}

/** @type {Promise<void> | undefined} */
let filling;

/** Keeps every file that is not kept yet; whoever asks meanwhile waits for the same, so that nothing is fetched twice. */
const fill = () => (filling ??= fetchMissing().finally(() => (filling = undefined)));

async function fetchMissing() {
  const names = Object.keys(FILES);
  let failed = 0;
  // One after another: what the reader asks for meanwhile does not have to wait for all of them.
  for (const name of names) await keep(name).catch(() => (failed += 1));
  if (failed > 0) throw new Error(`${failed} of ${names.length} files can't be kept`);
}

/** @param {string} name */
async function keep(name) {
  if (await kept(name)) return;
  // Past the browser's own cache: it may still have files of the version before.
  const response = await fetch(name, { cache: "no-cache", priority: "low" });
  const bytes = response.ok ? await response.arrayBuffer() : undefined;
  if (!bytes || !(await isBuilt(name, bytes))) throw new Error(`${name}: not the file that was built`);
  const headers = new Headers(response.headers);
  // They tell of the bytes on the wire.
  for (const gone of ["Content-Encoding", "Content-Length"]) headers.delete(gone);
  await (await caches.open(CACHE)).put(name, new Response(bytes, { headers }));
}

/**
 * A file that is kept, if it is the one that was built.
 * @param {string} name
 */
async function kept(name) {
  const cache = await caches.open(CACHE);
  const found = await cache.match(name);
  const bytes = await found?.arrayBuffer().catch(() => undefined);
  if (!found || !bytes) return undefined;
  if (await isBuilt(name, bytes)) return new Response(bytes, { headers: found.headers });
  await cache.delete(name);
  return undefined;
}

/**
 * @param {string} name
 * @param {ArrayBuffer} bytes
 */
async function isBuilt(name, bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const text = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return text.startsWith(FILES[name]);
}

/**
 * @param {Request} request
 * @param {string} name
 */
async function answer(request, name) {
  // Where storage fails, the host is asked.
  const response = (await kept(name).catch(() => undefined)) ?? (await fetch(request));
  // An opaque or failed response has no body to pass on.
  if (response.type === "error" || response.type === "opaque" || response.type === "opaqueredirect") return response;
  const headers = new Headers(response.headers);
  for (const [header, value] of Object.entries(HEADERS)) headers.set(header, value);
  // Workers do not inherit the policy of the page's <meta>. The host's own policy, with its frame-ancestors, stays beside it.
  headers.append("Content-Security-Policy", POLICY);
  const { status, statusText } = response;
  const body = [101, 204, 205, 304].includes(status) ? null : response.body;
  return new Response(body, { status, statusText, headers });
}
