//! What crosses the border between Rust and JavaScript: values as plain objects, lists and numbers, errors with a code.
//!
//! NaN and infinity arrive as they are. Whole numbers arrive as numbers, not as `BigInt`: bytes and counts lie far below 2^53.

use js_sys::{BigInt, Error, Object, Reflect};
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
/// Never: no type of ours has keys that are no texts, or a serializer that fails.
pub fn to_js(value: &(impl Serialize + ?Sized)) -> Result<JsValue, JsValue> {
    value.serialize(&SERIALIZER).or_else(|_| {
        // A file may claim any layer or length, also beyond 2^53, where numbers are no longer exact.
        let exact = SERIALIZER.serialize_large_number_types_as_bigints(true);
        Ok(rounded(value.serialize(&exact)?))
    })
}

/// The value with a number in place of each `BigInt`.
fn rounded(value: JsValue) -> JsValue {
    if let Some(big) = value.dyn_ref::<BigInt>() {
        let digits = big.to_string(10).map(String::from).unwrap_or_default();
        return digits.parse().unwrap_or(f64::NAN).into();
    }
    if let Some(object) = value.dyn_ref::<Object>() {
        for key in Object::keys(object) {
            let inner = Reflect::get(object, &key).unwrap_or_default();
            // The objects are our own: neither can fail.
            let _ = Reflect::set(object, &key, &rounded(inner));
        }
    }
    value
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
