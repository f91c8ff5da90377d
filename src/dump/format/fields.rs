//! The fields of the small JSON files that describe binary ones, checked one by one.

use serde_json::{Map, Value};

use crate::dump::bytes::path::inner_path;
use crate::dump::problem::{Fault, shorten};
use crate::numeric::python_float::json_number;
use crate::tensor::Dtype;

/// The object that such a file holds.
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, Fault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(value) => Err(Fault::Broken(format!(
            "found {}, expected a JSON object",
            describe(&value)
        ))),
        Err(error) => Err(Fault::Broken(format!("not valid JSON: {error}"))),
    }
}

/// The fields of such a file.
pub(super) struct Fields<'a>(pub &'a Map<String, Value>);

impl Fields<'_> {
    pub fn integer(&self, field: &str, default: i64) -> Result<i64, Fault> {
        match self.0.get(field) {
            None => Ok(default),
            Some(value) => value
                .as_i64()
                .ok_or_else(|| Fault::field(field, describe(value), "an integer")),
        }
    }

    pub fn unsigned(&self, field: &str) -> Result<u64, Fault> {
        match self.0.get(field) {
            None => Ok(0),
            Some(value) => value
                .as_u64()
                .ok_or_else(|| Fault::field(field, describe(value), "an integer of at least 0")),
        }
    }

    pub fn size(&self, field: &str) -> Result<usize, Fault> {
        let value = self.unsigned(field)?;
        usize::try_from(value)
            .map_err(|_| Fault::field(field, value, "a size that this machine can address"))
    }

    pub fn text(&self, field: &str) -> Result<Option<&str>, Fault> {
        match self.0.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(value) => Err(Fault::field(field, describe(value), "a string")),
        }
    }

    /// A finite number greater than 0; `None` where there is none, or null.
    pub fn positive(&self, field: &str) -> Result<Option<f64>, Fault> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_f64() {
                // As f32, in which it is computed with, it must not vanish or overflow.
                Some(number) if (number as f32).is_normal() && number > 0.0 => Ok(Some(number)),
                _ => Err(Fault::field(
                    field,
                    describe(value),
                    "a number greater than 0",
                )),
            },
        }
    }

    /// A list of integers of at least 0.
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

    /// Only a label, so that a number will do.
    pub fn run_id(&self) -> Result<String, Fault> {
        if let Some(Value::Number(number)) = self.0.get("run_id") {
            return Ok(json_number(number));
        }
        Ok(self.text("run_id")?.unwrap_or_default().to_owned())
    }

    /// The element size decides, as in the reference, and the file sizes are checked against it; the name only tells
    /// bf16 from fp16, and refuses what is neither.
    pub fn dtype(&self) -> Result<Dtype, Fault> {
        let size = self.unsigned("bytes_per_elem")?;
        if size != 2 && size != 4 {
            let found = if self.0.contains_key("bytes_per_elem") {
                size.to_string()
            } else {
                "no such field".to_owned()
            };
            return Err(Fault::field("bytes_per_elem", found, "2 or 4"));
        }
        let name = self.text("dtype")?.unwrap_or_default();
        match (name.to_ascii_lowercase().as_str(), size) {
            ("bf16" | "bfloat16", 2) => Ok(Dtype::Bf16),
            ("bf16" | "bfloat16", _) => Err(Fault::field(
                "dtype",
                format!("{name:?} with bytes_per_elem 4"),
                "fp32, or bytes_per_elem 2",
            )),
            (
                "" | "fp16" | "float16" | "f16" | "half" | "fp32" | "float32" | "f32" | "float",
                2,
            ) => Ok(Dtype::F16),
            (
                "" | "fp16" | "float16" | "f16" | "half" | "fp32" | "float32" | "f32" | "float",
                _,
            ) => Ok(Dtype::F32),
            _ => Err(Fault::field(
                "dtype",
                format!("{name:?}"),
                "fp16, bf16 or fp32",
            )),
        }
    }

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
