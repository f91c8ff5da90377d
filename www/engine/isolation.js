// Threads need a cross-origin isolated page. Where the host does not send the headers for it, the service worker does, from the
// next load on: so the page reloads once, never twice in a row. The same service worker keeps the page for offline use.

import { script } from "./scripts.js";

/** Of this copy of the page: after one has reloaded, another one on the same origin still may. */
const GUARD = `kvlens-reloaded ${new URL("..", import.meta.url).pathname}`;
/** Longest wait for the service worker to take over. */
const PATIENCE_MS = 4000;

/**
 * Makes the page isolated, where that is possible. Where it takes a reload this does not return.
 * @returns {Promise<string>} "" when isolated, else the reason why not, for people
 */
export async function isolate() {
  if (self.crossOriginIsolated) {
    storage()?.removeItem(GUARD);
    register().catch(() => {});
    return "";
  }
  const why = "this page is not cross-origin isolated";
  // In a foreign frame only the outer page could change it.
  if (window.top !== window) return why;
  const store = storage();
  if (!navigator.serviceWorker || !store) return why;
  if (store.getItem(GUARD)) {
    register().catch(() => {});
    return why;
  }
  try {
    const late = new Promise((_, reject) => setTimeout(reject, PATIENCE_MS));
    await Promise.race([
      register()
        .then(() => navigator.serviceWorker.ready)
        .then(controlled),
      late,
    ]);
  } catch {
    return why;
  }
  store.setItem(GUARD, "1");
  location.reload();
  return new Promise(() => {});
}

/**
 * Calls back when a new version is ready; `apply` changes to it and reloads the page.
 * @param {(apply: () => void) => void} notify
 */
export async function onUpdate(notify) {
  const registration = await navigator.serviceWorker?.ready;
  if (!registration) return;
  const tell = () => {
    const waiting = registration.waiting;
    if (!waiting || !navigator.serviceWorker.controller) return;
    notify(() => {
      // It took over before, and the reader stayed.
      if (waiting.state !== "installed") return location.reload();
      navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
      waiting.postMessage("take-over");
    });
  };
  tell();
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", tell);
  });
}

/**
 * Keeps all files for offline use. To be called when nothing else has to be loaded.
 * @returns {Promise<boolean>} whether all are kept
 */
export async function keepOffline() {
  if (!navigator.serviceWorker) return false;
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  const registration = await Promise.race([navigator.serviceWorker.ready, late]);
  const active = registration?.active;
  if (!active) return false;
  const { port1, port2 } = new MessageChannel();
  const answer = new Promise((resolve) => (port1.onmessage = (event) => resolve(event.data === "filled")));
  active.postMessage("fill", [port2]);
  return answer;
}

function register() {
  return navigator.serviceWorker?.register(script("service")) ?? Promise.reject();
}

/** Resolves when the service worker controls this page, so that a reload goes through it. */
function controlled() {
  if (navigator.serviceWorker.controller) return;
  return new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
}

/** Where storage is forbidden there is no guard, hence no reload. */
function storage() {
  try {
    return sessionStorage;
  } catch {
    return undefined;
  }
}
