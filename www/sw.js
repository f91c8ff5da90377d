// The service worker: keeps the page for offline use, and gives it the headers that threads need, where the host does not send them.
// `cargo xtask build` puts in the version (a hash of all files), their list and the page's policy.

const VERSION = "@VERSION@";
const FILES = ["@FILES@"];
const POLICY = "@POLICY@";

const CACHE = `kvlens-${VERSION}`;
const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  // Not `credentialless`, which Safari ignores.
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "cross-origin",
  // Workers do not inherit the policy of the page's <meta>.
  "Content-Security-Policy": POLICY,
};

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

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
        if (name.startsWith("kvlens-") && name !== CACHE) await caches.delete(name);
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
  const url = new URL(event.request.url);
  const scope = new URL(worker.registration.scope);
  if (event.request.method !== "GET" || !url.href.startsWith(scope.href)) return;
  event.respondWith(answer(event.request, url));
});

/** @type {Promise<void> | undefined} */
let filling;

/** Keeps every file that is not kept yet; whoever asks meanwhile waits for the same, so that nothing is fetched twice. */
const fill = () => (filling ??= fetchMissing().finally(() => (filling = undefined)));

async function fetchMissing() {
  const cache = await caches.open(CACHE);
  const missing = [];
  for (const name of FILES) if (!(await cache.match(name))) missing.push(name);
  // Past the browser's own cache: it may still have files of the version before.
  await cache.addAll(missing.map((name) => new Request(name, { cache: "no-cache" })));
}

/**
 * @param {Request} request
 * @param {URL} url
 */
async function answer(request, url) {
  const path = url.origin + url.pathname;
  const cache = await caches.open(CACHE);
  const kept = await cache.match(path.endsWith("/") ? `${path}index.html` : path);
  const response = kept ?? (await fetch(request));
  // An opaque or failed response has no body to pass on.
  if (response.type === "error" || response.type === "opaque" || response.type === "opaqueredirect") return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  const { status, statusText } = response;
  const body = [101, 204, 205, 304].includes(status) ? null : response.body;
  return new Response(body, { status, statusText, headers });
}
