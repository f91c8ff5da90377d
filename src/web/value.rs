//! What crosses the border between Rust and JavaScript: values as plain objects, lists and numbers, errors with a code.
//!
//! NaN and infinity arrive as they are. Whole numbers arrive as numbers, not as `BigInt`: bytes and counts stay far below 2^53.

use js_sys::{Error, Reflect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::{JsCast, JsValue};

/// What is absent is `null`, and what has names is an object, as the types in `www/engine/core.d.ts` say.
const SERIALIZER: Serializer = Serializer::new()
    .serialize_missing_as_null(true)
    .serialize_maps_as_objects(true);

/// A Rust value for the page.
///
/// # Errors
/// When it holds a whole number beyond 2^53.
pub fn to_js(value: &(impl Serialize + ?Sized)) -> Result<JsValue, JsValue> {
    let value = value.serialize(&SERIALIZER);
    value.map_err(|error| failure("dump", &words(error.into())))
}

/// Reads what the page says.
///
/// # Errors
/// A value that can't be read is a wrong setting, said in the words of its parser.
pub fn from_js<T: DeserializeOwned>(value: JsValue) -> Result<T, JsValue> {
    serde_wasm_bindgen::from_value(value).map_err(|error| failure("settings", &words(error.into())))
}

/// A JS error with a code of `EngineErrorCode` (`www/engine/types.js`).
pub fn failure(code: &str, message: &str) -> JsValue {
    let error = Error::new(message);
    // Setting a property of a fresh object can't fail.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}

fn words(error: JsValue) -> String {
    match error.dyn_ref::<Error>() {
        Some(error) => error.message().into(),
        None => format!("{error:?}"),
    }
}
