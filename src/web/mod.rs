//! What the page may call, and nothing else. Only here the crate knows of a browser.
//!
//! Everything runs in the coordinator worker (`www/engine/coordinator.js`), which owns the [`engine::Engine`]; measuring goes to the
//! pool. Values cross the border as plain objects, bytes as `Uint8Array`.

pub mod convert;
pub mod engine;
mod inspect;
mod messages;
pub mod run;
mod source;
mod value;

use wasm_bindgen::prelude::*;

/// The pool on Web Workers: JavaScript's `initThreadPool` and what its helper, `www/engine/start-pool.js`, calls.
#[cfg(feature = "threads")]
pub use wasm_bindgen_rayon::init_thread_pool;

/// The version of kvlens.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// The analyses and their settings.
///
/// # Errors
/// Never: no bound of a setting is beyond 2^53.
#[wasm_bindgen]
pub fn specs() -> Result<JsValue, JsValue> {
    value::to_js(&crate::analysis::specs())
}
