//! What kvlens is: its version, the analyses and the files that it opens.

use wasm_bindgen::prelude::*;

use super::value::to_js;

/// What the glue's types, `www/engine/glue.d.ts`, are made of.
#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"import type {
  AnalysisSpec, CaptureLine, ConvertOptions, DumpSummary, FormatInfo, InspectRequest, JudgeRequest, Lesson, Mapping, News, PackRequest, Pictures, PlanSummary, Report, Sample, Summary, Value, Verdict,
} from "./core.js";"#;

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
