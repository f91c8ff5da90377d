//! Errors as the page gets them: JS errors with a `code` to choose the words by.

use js_sys::{Error, Reflect};
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

/// A JS error with a code of `EngineErrorCode` (`www/engine/types.js`).
pub fn failure(code: &str, message: &str) -> JsValue {
    let error = Error::new(message);
    // Setting a property of a fresh object can't fail.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}

/// Reads what the page says; a text that can't be read is a wrong setting, said in the words of its parser.
pub fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, JsValue> {
    serde_json::from_str(text).map_err(|error| {
        // The place in the JSON means nothing to a person.
        let words = error.to_string();
        failure(
            "settings",
            words.split(" at line ").next().unwrap_or(&words),
        )
    })
}
