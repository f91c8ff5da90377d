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

use std::io::{self, Write};

use serde_json::ser::Formatter;
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
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, Floats);
    match value.serialize(&mut serializer) {
        Ok(()) => String::from_utf8(text).unwrap_or_default(),
        Err(error) => format!("{{\"error\":{:?}}}", error.to_string()),
    }
}

/// Compact JSON whose floats are written by std: serde_json's own writer is as short and exact, and brings another 10 KB of powers of ten.
struct Floats;

impl Formatter for Floats {
    fn write_f32<W: ?Sized + Write>(&mut self, to: &mut W, value: f32) -> io::Result<()> {
        write!(to, "{value:e}")
    }

    fn write_f64<W: ?Sized + Write>(&mut self, to: &mut W, value: f64) -> io::Result<()> {
        write!(to, "{value:e}")
    }
}
