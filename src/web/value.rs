//! Conversions between Rust and JavaScript: values as plain objects, lists and numbers, errors with a code.
//!
//! NaN and infinity are kept. Integers become numbers, not `BigInt`: byte sizes and counts are far below 2^53.

use js_sys::{BigInt, Error, Object, Reflect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::{JsCast, JsValue};

/// `None` becomes `null`, and maps become objects, as the types in `www/engine/core.d.ts` say.
const SERIALIZER: Serializer = Serializer::new()
    .serialize_missing_as_null(true)
    .serialize_maps_as_objects(true);

/// Converts a value for the page.
///
/// # Errors
/// Never in practice: all keys are strings, and no type has a serializer that fails.
pub fn to_js(value: &(impl Serialize + ?Sized)) -> Result<JsValue, JsValue> {
    value.serialize(&SERIALIZER).or_else(|_| {
        // A file may state any layer or length, even beyond 2^53, where numbers are no longer exact.
        let exact = SERIALIZER.serialize_large_number_types_as_bigints(true);
        Ok(rounded(value.serialize(&exact)?))
    })
}

/// Replaces each `BigInt` by a number.
fn rounded(value: JsValue) -> JsValue {
    if let Some(big) = value.dyn_ref::<BigInt>() {
        let digits = big.to_string(10).map(String::from).unwrap_or_default();
        return digits.parse().unwrap_or(f64::NAN).into();
    }
    if let Some(object) = value.dyn_ref::<Object>() {
        for key in Object::keys(object) {
            let inner = Reflect::get(object, &key).unwrap_or_default();
            // These are plain objects that were just made: neither call can fail.
            let _ = Reflect::set(object, &key, &rounded(inner));
        }
    }
    value
}

/// Reads a value from the page.
///
/// # Errors
/// When it does not convert to `T`: a wrong setting, with the parser's message.
pub fn from_js<T: DeserializeOwned>(value: JsValue) -> Result<T, JsValue> {
    serde_wasm_bindgen::from_value(value).map_err(|error| failure("settings", &words(error.into())))
}

/// A JavaScript error with one of the codes of `EngineErrorCode` (`www/engine/types.js`).
pub fn failure(code: &str, message: &str) -> JsValue {
    let error = Error::new(message);
    // Setting a property of a new object can't fail.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}

fn words(error: JsValue) -> String {
    match error.dyn_ref::<Error>() {
        Some(error) => error.message().into(),
        None => format!("{error:?}"),
    }
}
