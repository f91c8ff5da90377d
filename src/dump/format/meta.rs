//! The `meta_*.json` of a capture: what it must hold, checked field by field.
//! Absent fields take the defaults of the Python reference (layer_id -1, stage "unknown", the others 0 or "").

use serde_json::{Map, Value};

use crate::dump::bytes::path::inner_path;
use crate::dump::problem::{Fault, shorten};
use crate::report::float::json_number;
use crate::tensor::{Dtype, Shape};

/// The checked content of one meta file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    pub layer_id: i64,
    pub stage: String,
    /// Empty where the file names none.
    pub run_id: String,
    pub seq_start: u64,
    pub shape: Shape,
    pub dtype: Dtype,
    /// Names relative to the folder of the meta file; they don't leave it.
    pub k_file: String,
    pub v_file: String,
}

/// Reads one meta file.
pub(super) fn parse(bytes: &[u8]) -> Result<Meta, Fault> {
    let broken = |why: String| Fault::Broken(why);
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| broken(format!("not valid JSON: {error}")))?;
    let Value::Object(object) = value else {
        return Err(broken(format!(
            "found {}, expected a JSON object",
            describe(&value)
        )));
    };
    let fields = Fields(&object);
    let shape = Shape {
        seq_len: fields.size("seq_len")?,
        kv_heads: fields.size("kv_heads")?,
        head_dim: fields.size("head_dim")?,
    };
    Ok(Meta {
        layer_id: fields.integer("layer_id", -1)?,
        stage: fields.text("stage")?.unwrap_or("unknown").to_owned(),
        run_id: fields.run_id()?,
        seq_start: fields.unsigned("seq_start")?,
        shape,
        dtype: fields.dtype()?,
        k_file: fields.file_name("k_file")?,
        v_file: fields.file_name("v_file")?,
    })
}

/// The fields of a meta file.
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn integer(&self, field: &str, default: i64) -> Result<i64, Fault> {
        match self.0.get(field) {
            None => Ok(default),
            Some(value) => value
                .as_i64()
                .ok_or_else(|| Fault::field(field, describe(value), "an integer")),
        }
    }

    fn unsigned(&self, field: &str) -> Result<u64, Fault> {
        match self.0.get(field) {
            None => Ok(0),
            Some(value) => value
                .as_u64()
                .ok_or_else(|| Fault::field(field, describe(value), "an integer of at least 0")),
        }
    }

    fn size(&self, field: &str) -> Result<usize, Fault> {
        let value = self.unsigned(field)?;
        usize::try_from(value)
            .map_err(|_| Fault::field(field, value, "a size that this machine can address"))
    }

    fn text(&self, field: &str) -> Result<Option<&str>, Fault> {
        match self.0.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(value) => Err(Fault::field(field, describe(value), "a string")),
        }
    }

    /// Only a label, so that a number will do.
    fn run_id(&self) -> Result<String, Fault> {
        if let Some(Value::Number(number)) = self.0.get("run_id") {
            return Ok(json_number(number));
        }
        Ok(self.text("run_id")?.unwrap_or_default().to_owned())
    }

    /// The element size decides, as in the reference, and the file sizes are checked against it; the name only tells
    /// bf16 from fp16, and refuses what is neither.
    fn dtype(&self) -> Result<Dtype, Fault> {
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

    fn file_name(&self, field: &str) -> Result<String, Fault> {
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
fn describe(value: &Value) -> String {
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

    fn fault(json: &str) -> String {
        parse(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn absent_fields_take_the_reference_defaults() {
        let meta = parse(br#"{"bytes_per_elem":2,"k_file":"k.bin","v_file":"./v.bin"}"#).unwrap();
        let shape = Shape {
            seq_len: 0,
            kv_heads: 0,
            head_dim: 0,
        };
        let (k_file, v_file) = ("k.bin".to_owned(), "v.bin".to_owned());
        let stage = "unknown".to_owned();
        let expected = Meta {
            layer_id: -1,
            stage,
            run_id: String::new(),
            seq_start: 0,
            shape,
            dtype: Dtype::F16,
            k_file,
            v_file,
        };
        assert_eq!(meta, expected);
    }

    #[test]
    fn names_the_field_the_value_found_and_the_one_expected() {
        assert_eq!(
            fault(r#"{"layer_id":"3"}"#),
            r#"layer_id: found the string "3", expected an integer"#
        );
        assert_eq!(
            fault(r#"{"seq_len":-1}"#),
            "seq_len: found -1, expected an integer of at least 0"
        );
        assert_eq!(
            fault(r#"{"kv_heads":1.5}"#),
            "kv_heads: found 1.5, expected an integer of at least 0"
        );
        assert_eq!(
            fault(r#"{"head_dim":true}"#),
            "head_dim: found true, expected an integer of at least 0"
        );
        assert_eq!(
            fault(r#"{"stage":null}"#),
            "stage: found null, expected a string"
        );
        assert_eq!(
            fault(r#"{"bytes_per_elem":1}"#),
            "bytes_per_elem: found 1, expected 2 or 4"
        );
        assert_eq!(
            fault("{}"),
            "bytes_per_elem: found no such field, expected 2 or 4"
        );
        assert_eq!(fault("[]"), "found a list, expected a JSON object");
        assert!(fault("{").starts_with("not valid JSON: "));
        let start = r#"{"bytes_per_elem":2"#;
        assert_eq!(
            fault(&format!("{start},\"dtype\":\"int8\"}}")),
            r#"dtype: found "int8", expected fp16, bf16 or fp32"#
        );
        assert!(
            fault(&format!("{start},\"k_file\":\"\"}}")).starts_with("k_file: found an empty name")
        );
    }

    #[test]
    fn bf16_needs_its_name_and_two_bytes() {
        let json = |size: u8, dtype: &str| {
            format!(r#"{{"bytes_per_elem":{size},"dtype":"{dtype}","k_file":"k","v_file":"v"}}"#)
        };
        let dtype = |size, name| parse(json(size, name).as_bytes()).map(|meta| meta.dtype);
        assert_eq!(dtype(2, "bf16"), Ok(Dtype::Bf16));
        assert_eq!(dtype(2, "fp16"), Ok(Dtype::F16));
        assert_eq!(dtype(4, "fp32"), Ok(Dtype::F32));
        assert!(dtype(4, "bf16").is_err());
    }
}
