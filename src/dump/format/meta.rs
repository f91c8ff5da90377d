//! The `meta_*.json` of a capture: required and optional fields, validated one by one. Absent fields take the defaults
//! of the Python reference (layer_id -1, stage "unknown", the others 0 or "").

use super::fields::{self, Fields};
use crate::dump::problem::Fault;
use crate::tensor::{Dtype, Shape};

/// Validated content of a meta file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    pub layer_id: i64,
    pub stage: String,
    /// Run name; empty if the file has none.
    pub run_id: String,
    pub seq_start: u64,
    /// Shape of K.
    pub shape: Shape,
    /// Shape of V: `v_kv_heads` and `v_head_dim`, which `convert` writes, if they differ from K's.
    pub v_shape: Shape,
    pub dtype: Dtype,
    /// Path relative to the folder of the meta file; never outside that folder.
    pub k_file: String,
    pub v_file: String,
}

/// Parses a meta file.
pub(super) fn parse(bytes: &[u8]) -> Result<Meta, Fault> {
    let object = fields::object(bytes)?;
    let fields = Fields(&object);
    let shape = Shape {
        seq_len: fields.size("seq_len")?,
        kv_heads: fields.size("kv_heads")?,
        head_dim: fields.size("head_dim")?,
    };
    let or_as_k = |field: &str, of_k: usize| {
        if object.contains_key(field) {
            fields.size(field)
        } else {
            Ok(of_k)
        }
    };
    let v_shape = Shape {
        kv_heads: or_as_k("v_kv_heads", shape.kv_heads)?,
        head_dim: or_as_k("v_head_dim", shape.head_dim)?,
        ..shape
    };
    Ok(Meta {
        layer_id: fields.integer("layer_id", -1)?,
        stage: fields.text("stage")?.unwrap_or("unknown").to_owned(),
        run_id: fields.run_id()?,
        seq_start: fields.unsigned("seq_start")?,
        shape,
        v_shape,
        dtype: fields.dtype()?,
        k_file: fields.file_name("k_file")?,
        v_file: fields.file_name("v_file")?,
    })
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
            v_shape: shape,
            dtype: Dtype::F16,
            k_file,
            v_file,
        };
        assert_eq!(meta, expected);
    }

    #[test]
    fn names_the_field_the_value_found_and_the_one_expected() {
        assert_eq!(
            fault(r#"{"layer_id":"three"}"#),
            r#"layer_id: found the string "three", expected an integer"#
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
            fault(r#"{"bytes_per_elem":3}"#),
            "bytes_per_elem: found 3, expected 1, 2 or 4"
        );
        assert_eq!(
            fault("{}"),
            "bytes_per_elem: found no such field, expected 1, 2 or 4"
        );
        assert_eq!(fault("[]"), "found a list, expected a JSON object");
        assert!(fault("{").starts_with("not valid JSON: "));
        let start = r#"{"bytes_per_elem":2"#;
        assert_eq!(
            fault(&format!("{start},\"dtype\":\"int8\"}}")),
            r#"dtype: found "int8" with bytes_per_elem 2, expected fp16 or bf16"#
        );
        assert!(
            fault(&format!("{start},\"k_file\":\"\"}}")).starts_with("k_file: found an empty name")
        );
    }

    #[test]
    fn bf16_and_fp8_need_their_names_and_sizes() {
        let json = |size: u8, dtype: &str| {
            format!(r#"{{"bytes_per_elem":{size},"dtype":"{dtype}","k_file":"k","v_file":"v"}}"#)
        };
        let dtype = |size, name| parse(json(size, name).as_bytes()).map(|meta| meta.dtype);
        assert_eq!(dtype(2, "bf16"), Ok(Dtype::Bf16));
        assert_eq!(dtype(2, "fp16"), Ok(Dtype::F16));
        assert_eq!(dtype(4, "fp32"), Ok(Dtype::F32));
        assert_eq!(dtype(1, "fp8_e4m3"), Ok(Dtype::E4m3));
        assert_eq!(dtype(1, "float8_e5m2"), Ok(Dtype::E5m2));
        for (size, name) in [(4, "bf16"), (2, "fp8_e4m3"), (1, ""), (1, "fp16")] {
            assert!(dtype(size, name).is_err(), "{size} {name}");
        }
    }
}
