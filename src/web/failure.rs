//! Errors as the page gets them: JS errors with a `code` to choose the words by.

use js_sys::{Error, Reflect};
use wasm_bindgen::JsValue;

/// A JS error with a code of `EngineErrorCode` (`www/engine/types.js`).
pub fn failure(code: &str, message: &str) -> JsValue {
    let error = Error::new(message);
    // Setting a property of a fresh object can't fail.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}
