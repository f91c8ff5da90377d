//! What kvlens is: its version, the analyses and the files that it opens.

use wasm_bindgen::prelude::*;

use super::value::to_js;

/// The version of kvlens.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// The analyses and their settings.
///
/// # Errors
/// Never: no bound of a setting is beyond 2^53.
#[wasm_bindgen(unchecked_return_type = "AnalysisSpec[]")]
pub fn specs() -> Result<JsValue, JsValue> {
    to_js(&crate::analysis::specs())
}

/// Every kind of file that opens.
///
/// # Errors
/// Never.
#[wasm_bindgen(unchecked_return_type = "FormatInfo[]")]
pub fn formats() -> Result<JsValue, JsValue> {
    to_js(&crate::dump::formats())
}
