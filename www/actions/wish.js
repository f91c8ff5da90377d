// Whether the reader wants runs and dumps kept, and which of the dump's runs were left out: what all tabs and the next visit know of it.

const KEY = "kvlens-keep";
/** Names of the runs of the kept dump that the reader left out. */
const LEFT_OUT = "kvlens-left-out";

/** @returns {boolean} as the last tab left it */
export function isWanted() {
  try {
    return localStorage.getItem(KEY) === "on";
  } catch {
    // Storage is refused: nothing was kept.
    return false;
  }
}

/** @param {boolean} on */
export function wish(on) {
  try {
    if (on) localStorage.setItem(KEY, "on");
    else for (const key of [KEY, LEFT_OUT]) localStorage.removeItem(key);
  } catch {
    // Storage is refused: then what is to be kept is refused, too, and that is said.
  }
}

/** Tells of the wish when another tab may have changed it. @param {(on: boolean) => void} tell */
export function onWish(tell) {
  addEventListener("storage", ({ key }) => {
    // Without a key: all of it was cleared.
    if (key === null || key === KEY) tell(isWanted());
  });
}

/** @returns {string[]} */
export function leftOut() {
  try {
    const names = JSON.parse(localStorage.getItem(LEFT_OUT) ?? "[]");
    // Storage is the whole origin's.
    return Array.isArray(names) ? names.map(String) : [];
  } catch {
    // Storage is refused, or holds what others wrote.
    return [];
  }
}

/** @param {string[]} runs */
export function setLeftOut(runs) {
  try {
    localStorage.setItem(LEFT_OUT, JSON.stringify(runs));
  } catch {
    // Storage is refused: then nothing is kept at all.
  }
}
