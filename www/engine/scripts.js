// The scripts that workers run. Where browsers have Trusted Types, the page's policy takes no plain text as the address of a script
// or as markup: only what this one policy made, which knows these files and no others.

const SCRIPTS = {
  coordinator: new URL("./coordinator.js", import.meta.url).href,
  pool: new URL("./pool.js", import.meta.url).href,
  service: new URL("../sw.js", import.meta.url).href,
};

/**
 * Of what the browser offers, as much as is used.
 * @typedef {{ createPolicy: (name: string, rules: object) => { createScriptURL: (name: string) => string } }} TrustedTypes
 */
const types = /** @type {{ trustedTypes?: TrustedTypes }} */ (/** @type {unknown} */ (self)).trustedTypes;
const rules = { createScriptURL: addressOf };
const policy = types?.createPolicy("kvlens", rules) ?? rules;

/** @param {string} name */
function addressOf(name) {
  const address = /** @type {Record<string, string>} */ (SCRIPTS)[name];
  if (!address) throw new TypeError(`no script ${name}`);
  return address;
}

/**
 * The address of a script, for `new Worker` and `register`.
 * @param {keyof typeof SCRIPTS} name
 */
export const script = (name) => policy.createScriptURL(name);
