//! The `meta_*.json` of a capture: what it must hold, checked field by field.
//! Absent fields take the defaults of the Python reference (layer_id -1, stage "unknown", the others 0 or "").

use serde_json::{Map, Value};

use super::problem::{Fault, Problem};
use crate::numeric::python_float::json_number;
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

/// Reads one meta file, `path` being its name in messages.
pub(super) fn parse(path: &str, bytes: &[u8]) -> Result<Meta, Problem> {
    let broken = |why: String| Problem::new(path, Fault::Broken(why));
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| broken(format!("not valid JSON: {error}")))?;
    let Value::Object(object) = value else {
        return Err(broken(format!(
            "found {}, expected a JSON object",
            describe(&value)
        )));
    };
    let fields = Fields {
        path,
        object: &object,
    };
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

/// The fields of a meta file with the name of that file, for messages.
struct Fields<'a> {
    path: &'a str,
    object: &'a Map<String, Value>,
}

impl Fields<'_> {
    fn wrong(&self, field: &str, found: impl ToString, expected: impl ToString) -> Problem {
        Problem::field(self.path, field, found, expected)
    }

    fn integer(&self, field: &str, default: i64) -> Result<i64, Problem> {
        match self.object.get(field) {
            None => Ok(default),
            Some(value) => value
                .as_i64()
                .ok_or_else(|| self.wrong(field, describe(value), "an integer")),
        }
    }

    fn unsigned(&self, field: &str) -> Result<u64, Problem> {
        match self.object.get(field) {
            None => Ok(0),
            Some(value) => value
                .as_u64()
                .ok_or_else(|| self.wrong(field, describe(value), "an integer of at least 0")),
        }
    }

    fn size(&self, field: &str) -> Result<usize, Problem> {
        let value = self.unsigned(field)?;
        usize::try_from(value)
            .map_err(|_| self.wrong(field, value, "a size that this machine can address"))
    }

    fn text(&self, field: &str) -> Result<Option<&str>, Problem> {
        match self.object.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(value) => Err(self.wrong(field, describe(value), "a string")),
        }
    }

    /// Only a label, so that a number will do.
    fn run_id(&self) -> Result<String, Problem> {
        if let Some(Value::Number(number)) = self.object.get("run_id") {
            return Ok(json_number(number));
        }
        Ok(self.text("run_id")?.unwrap_or_default().to_owned())
    }

    /// The element size decides, as in the reference, and the file sizes are checked against it; the name only tells
    /// bf16 from fp16, and refuses what is neither.
    fn dtype(&self) -> Result<Dtype, Problem> {
        let size = self.unsigned("bytes_per_elem")?;
        if size != 2 && size != 4 {
            let found = if self.object.contains_key("bytes_per_elem") {
                size.to_string()
            } else {
                "no such field".to_owned()
            };
            return Err(self.wrong("bytes_per_elem", found, "2 or 4"));
        }
        let name = self.text("dtype")?.unwrap_or_default();
        match (name.to_ascii_lowercase().as_str(), size) {
            ("bf16" | "bfloat16", 2) => Ok(Dtype::Bf16),
            ("bf16" | "bfloat16", _) => Err(self.wrong(
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
            _ => Err(self.wrong("dtype", format!("{name:?}"), "fp16, bf16 or fp32")),
        }
    }

    fn file_name(&self, field: &str) -> Result<String, Problem> {
        let name = self.text(field)?.unwrap_or_default();
        if name.is_empty() {
            let found = if self.object.contains_key(field) {
                "an empty name"
            } else {
                "no such field"
            };
            return Err(self.wrong(field, found, "the name of a file in the same folder"));
        }
        inner_path(name).ok_or_else(|| {
            self.wrong(
                field,
                shorten(&format!("{name:?}")),
                "the name of a file in the same folder",
            )
        })
    }
}

/// `name` without `.` parts, or `None` where it is absolute, climbs with `..` or can't be a path.
pub(super) fn inner_path(name: &str) -> Option<String> {
    if name.starts_with('/') || name.contains(['\\', '\0']) || name.get(1..2) == Some(":") {
        return None;
    }
    let parts: Vec<&str> = name
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    (!parts.is_empty() && !parts.contains(&"..")).then(|| parts.join("/"))
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

/// Cuts a text that a file gave to what a message can bear.
pub(super) fn shorten(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> String {
        parse("m", json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn absent_fields_take_the_reference_defaults() {
        let meta = parse(
            "m",
            br#"{"bytes_per_elem":2,"k_file":"k.bin","v_file":"./v.bin"}"#,
        )
        .unwrap();
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
            r#"m: layer_id: found the string "3", expected an integer"#
        );
        assert_eq!(
            fault(r#"{"seq_len":-1}"#),
            "m: seq_len: found -1, expected an integer of at least 0"
        );
        assert_eq!(
            fault(r#"{"kv_heads":1.5}"#),
            "m: kv_heads: found 1.5, expected an integer of at least 0"
        );
        assert_eq!(
            fault(r#"{"head_dim":true}"#),
            "m: head_dim: found true, expected an integer of at least 0"
        );
        assert_eq!(
            fault(r#"{"stage":null}"#),
            "m: stage: found null, expected a string"
        );
        assert_eq!(
            fault(r#"{"bytes_per_elem":1}"#),
            "m: bytes_per_elem: found 1, expected 2 or 4"
        );
        assert_eq!(
            fault("{}"),
            "m: bytes_per_elem: found no such field, expected 2 or 4"
        );
        assert_eq!(fault("[]"), "m: found a list, expected a JSON object");
        assert!(fault("{").starts_with("m: not valid JSON: "));
        let start = r#"{"bytes_per_elem":2"#;
        assert_eq!(
            fault(&format!("{start},\"dtype\":\"int8\"}}")),
            r#"m: dtype: found "int8", expected fp16, bf16 or fp32"#
        );
        assert!(
            fault(&format!("{start},\"k_file\":\"\"}}"))
                .starts_with("m: k_file: found an empty name")
        );
    }

    #[test]
    fn refuses_names_that_leave_the_folder() {
        for name in [
            "/etc/passwd",
            "../k.bin",
            "a/../../k",
            "..",
            "C:\\k",
            "c:k",
            "a\\b",
            "k\0",
            ".",
            "",
        ] {
            assert_eq!(inner_path(name), None, "{name:?}");
        }
        assert_eq!(inner_path("./sub//k..bin"), Some("sub/k..bin".to_owned()));
    }

    #[test]
    fn bf16_needs_its_name_and_two_bytes() {
        let json = |size: u8, dtype: &str| {
            format!(r#"{{"bytes_per_elem":{size},"dtype":"{dtype}","k_file":"k","v_file":"v"}}"#)
        };
        let dtype = |size, name| parse("m", json(size, name).as_bytes()).map(|meta| meta.dtype);
        assert_eq!(dtype(2, "bf16"), Ok(Dtype::Bf16));
        assert_eq!(dtype(2, "fp16"), Ok(Dtype::F16));
        assert_eq!(dtype(4, "fp32"), Ok(Dtype::F32));
        assert!(dtype(4, "bf16").is_err());
    }
}
