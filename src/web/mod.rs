//! What the page may call, and nothing else. Only here the crate knows of a browser.
//!
//! Everything runs in the coordinator worker (`www/engine/coordinator.js`), which owns the [`engine::Engine`]; measuring goes to the
//! pool. Metadata crosses the border as JSON, bytes as `Uint8Array`.

pub mod convert;
pub mod engine;
mod failure;
mod inspect;
#[cfg(feature = "threads")]
pub mod pool;
pub mod run;
mod source;

use wasm_bindgen::prelude::*;

/// The version of kvlens.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// The analyses and their settings, as JSON.
#[wasm_bindgen]
pub fn specs() -> String {
    json(&crate::analysis::specs())
}

/// As JSON: our own types have text keys and no failing serializers.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value)
        .unwrap_or_else(|error| format!("{{\"error\":{:?}}}", error.to_string()))
}
