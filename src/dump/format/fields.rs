//! Validated access to the fields of the small JSON files that describe binary files.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::dump::bytes::path::inner_path;
use crate::dump::problem::{Fault, shorten};
use crate::numeric::python_float::json_number;
use crate::tensor::Dtype;

/// Parses a file that must hold a JSON object.
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, Fault> {
    let text = text(bytes)?;
    match serde_json::from_str(&without_nan(&text)) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(value) => Err(Fault::Broken(format!(
            "found {}, expected a JSON object",
            describe(&value)
        ))),
        Err(error) => Err(Fault::Broken(format!("not valid JSON: {error}"))),
    }
}

/// The text of a JSON file: UTF-8, or UTF-16 if it starts with a byte order mark, as PowerShell writes it.
fn text(bytes: &[u8]) -> Result<Cow<'_, str>, Fault> {
    let wide = |pairs: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = pairs.as_chunks().0.iter().map(|&pair| unit(pair)).collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    match bytes {
        [0xFF, 0xFE, pairs @ ..] => Ok(wide(pairs, u16::from_le_bytes)),
        [0xFE, 0xFF, pairs @ ..] => Ok(wide(pairs, u16::from_be_bytes)),
        [0xEF, 0xBB, 0xBF, rest @ ..] | rest => std::str::from_utf8(rest)
            .map(Cow::Borrowed)
            .map_err(|_| Fault::Broken("not valid JSON: it is not UTF-8".to_owned())),
    }
}

/// Replaces NaN and Infinity, which Python's json writes but JSON does not have, by null.
fn without_nan(text: &str) -> Cow<'_, str> {
    if !text.contains("NaN") && !text.contains("Infinity") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut in_string) = (text, false);
    while !rest.is_empty() {
        let end = rest.find('"').map_or(rest.len(), |at| at + 1);
        let (part, behind) = rest.split_at(end);
        if in_string {
            out.push_str(part);
            let slashes = part.trim_end_matches('"').bytes().rev();
            let is_escaped = slashes.take_while(|&byte| byte == b'\\').count() % 2 == 1;
            in_string = is_escaped;
        } else {
            let names = ["-Infinity", "Infinity", "NaN"].into_iter();
            out.push_str(&names.fold(part.to_owned(), |part, name| part.replace(name, "null")));
            in_string = true;
        }
        rest = behind;
    }
    Cow::Owned(out)
}

/// The integer that Python's `int` makes of a value: `64`, `64.0` and `"64"` are all 64.
fn as_integer(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => {
            let whole =
                |float: f64| (float.fract() == 0.0 && float.abs() < 1e15).then_some(float as i128);
            let integer = number.as_i64().map(i128::from);
            integer
                .or_else(|| number.as_u64().map(i128::from))
                .or_else(|| number.as_f64().and_then(whole))
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The fields of a descriptive JSON object.
pub(super) struct Fields<'a>(pub &'a Map<String, Value>);

impl Fields<'_> {
    /// An integer; `default` if the field is absent.
    pub fn integer(&self, field: &str, default: i64) -> Result<i64, Fault> {
        match self.0.get(field) {
            None => Ok(default),
            Some(value) => as_integer(value)
                .and_then(|value| value.try_into().ok())
                .ok_or_else(|| Fault::field(field, describe(value), "an integer")),
        }
    }

    /// An integer of at least 0; 0 if the field is absent.
    pub fn unsigned(&self, field: &str) -> Result<u64, Fault> {
        match self.0.get(field) {
            None => Ok(0),
            Some(value) => as_integer(value)
                .and_then(|value| value.try_into().ok())
                .ok_or_else(|| Fault::field(field, describe(value), "an integer of at least 0")),
        }
    }

    /// An integer of at least 0 that fits in a `usize`; 0 if the field is absent.
    pub fn size(&self, field: &str) -> Result<usize, Fault> {
        let value = self.unsigned(field)?;
        usize::try_from(value)
            .map_err(|_| Fault::field(field, value, "a size that this machine can address"))
    }

    /// A string; `None` if the field is absent.
    pub fn text(&self, field: &str) -> Result<Option<&str>, Fault> {
        match self.0.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(value) => Err(Fault::field(field, describe(value), "a string")),
        }
    }

    /// A finite number greater than 0; `None` if the field is absent or null.
    pub fn positive(&self, field: &str) -> Result<Option<f64>, Fault> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_f64() {
                // Computations use it as f32, where it must neither vanish nor overflow.
                Some(number) if (number as f32).is_normal() && number > 0.0 => Ok(Some(number)),
                _ => Err(Fault::field(
                    field,
                    describe(value),
                    "a number greater than 0",
                )),
            },
        }
    }

    /// A list of integers, each 0 or greater.
    pub fn positions(&self, field: &str) -> Result<Vec<u64>, Fault> {
        const EXPECTED: &str = "a list of integers of at least 0";
        match self.0.get(field) {
            None => Err(Fault::field(field, "no such field", EXPECTED)),
            Some(Value::Array(items)) if !items.is_empty() => {
                let item = |item: &Value| {
                    item.as_u64()
                        .ok_or_else(|| Fault::field(field, describe(item), EXPECTED))
                };
                items.iter().map(item).collect()
            }
            Some(Value::Array(_)) => Err(Fault::field(field, "an empty list", EXPECTED)),
            Some(value) => Err(Fault::field(field, describe(value), EXPECTED)),
        }
    }

    /// The run's name. It is only a label, so a number is accepted too.
    pub fn run_id(&self) -> Result<String, Fault> {
        if let Some(Value::Number(number)) = self.0.get("run_id") {
            return Ok(json_number(number));
        }
        Ok(self.text("run_id")?.unwrap_or_default().to_owned())
    }

    /// Element type. The element size decides, as in the reference, and file sizes are checked against it; the type's
    /// name only tells types of the same size apart, and any other name is refused. The names are those that `convert`
    /// writes and those of PyTorch.
    pub fn dtype(&self) -> Result<Dtype, Fault> {
        let size = self.unsigned("bytes_per_elem")?;
        let by_size = match size {
            1 => "fp8_e4m3 or fp8_e5m2",
            2 => "fp16 or bf16",
            4 => "fp32",
            _ => {
                let found = if self.0.contains_key("bytes_per_elem") {
                    size.to_string()
                } else {
                    "no such field".to_owned()
                };
                return Err(Fault::field("bytes_per_elem", found, "1, 2 or 4"));
            }
        };
        let name = self.text("dtype")?.unwrap_or_default();
        match (name.to_ascii_lowercase().as_str(), size) {
            ("bf16" | "bfloat16", 2) => Ok(Dtype::Bf16),
            ("fp8_e4m3" | "float8_e4m3fn", 1) => Ok(Dtype::E4m3),
            ("fp8_e5m2" | "float8_e5m2", 1) => Ok(Dtype::E5m2),
            (
                "" | "fp16" | "float16" | "f16" | "half" | "fp32" | "float32" | "f32" | "float",
                2 | 4,
            ) => Ok(if size == 2 { Dtype::F16 } else { Dtype::F32 }),
            _ => Err(Fault::field(
                "dtype",
                shorten(&format!("{name:?} with bytes_per_elem {size}")),
                by_size,
            )),
        }
    }

    /// Name of a file in the describing file's folder or below it; required.
    pub fn file_name(&self, field: &str) -> Result<String, Fault> {
        let name = self.text(field)?.unwrap_or_default();
        if name.is_empty() {
            let found = if self.0.contains_key(field) {
                "an empty name"
            } else {
                "no such field"
            };
            return Err(Fault::field(
                field,
                found,
                "the name of a file in the same folder",
            ));
        }
        inner_path(name).ok_or_else(|| {
            Fault::field(
                field,
                shorten(&format!("{name:?}")),
                "the name of a file in the same folder",
            )
        })
    }
}

/// A JSON value as a short text for messages.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) => shorten(&format!("the string {text:?}")),
        Value::Number(number) => json_number(number),
        Value::Bool(value) => value.to_string(),
        Value::Null => "null".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_writes_and_json_does_not_have_is_null() {
        let text = r#"{"a": NaN, "NaN": -Infinity, "b\\\"NaN": [Infinity, "x\\"], "c": 1}"#;
        let object = object(text.as_bytes()).unwrap();
        let keys: Vec<&str> = object.keys().map(String::as_str).collect();
        assert_eq!(keys, ["NaN", "a", "b\\\"NaN", "c"]);
        assert_eq!((&object["a"], &object["NaN"]), (&Value::Null, &Value::Null));
        assert_eq!(object["b\\\"NaN"][1], "x\\");
    }

    #[test]
    fn integers_are_what_python_makes_integers_of() {
        let object = object(br#"{"a": 64.0, "b": " 2 ", "c": 1.5, "d": "x", "e": 1e300}"#).unwrap();
        let found = ["a", "b", "c", "d", "e"].map(|key| as_integer(&object[key]));
        assert_eq!(found, [Some(64), Some(2), None, None, None]);
    }
}
