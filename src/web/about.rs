//! Describes kvlens itself: its version, its analyses and the file formats that it opens.

use wasm_bindgen::prelude::*;

use super::value::to_js;

/// What the glue's types, `www/engine/glue.d.ts`, are made of.
#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"import type {
  AnalysisSpec, CaptureLine, ConvertOptions, DumpSummary, FormatInfo, JudgeRequest, Kv, Lesson, LessonRequest, Mapping, Matter, MatterRequest, News, PackRequest, Pictures, PlanSummary, Report, Sample, Summary, Value, Verdict,
} from "./core.js";"#;

/// Version of kvlens.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Specs of all analyses, with their settings.
///
/// # Errors
/// Never in practice: no bound of a setting exceeds 2^53.
#[wasm_bindgen(unchecked_return_type = "AnalysisSpec[]")]
pub fn specs() -> Result<JsValue, JsValue> {
    to_js(&crate::analysis::specs())
}

/// Every file format that kvlens opens.
///
/// # Errors
/// Never in practice.
#[wasm_bindgen(unchecked_return_type = "FormatInfo[]")]
pub fn formats() -> Result<JsValue, JsValue> {
    to_js(&crate::dump::formats())
}
