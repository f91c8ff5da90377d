//! Mixed: the first N layers lossless, the rest truncated or quantized.

use super::common::{QUANT_BITS, choices, method, when};
use super::settings::{Kind, ParamSpec, Value};

/// The settings of its own.
pub fn specs() -> Vec<ParamSpec> {
    let methods = choices(&[("truncate", "Truncate"), ("quant", "Quantize")]);
    vec![
        method(
            "lossy-method",
            "Method",
            "What the layers beyond the lossless ones go through: mantissa bits cut off, or uniform steps with one scale a tensor.",
            "",
            Kind::Choice { choices: methods },
            Value::text("truncate"),
        ),
        when(
            method(
                "lossy-mantissa-bits",
                "Mantissa bits",
                "Mantissa bits that are kept; fp16 has 10, bf16 7, fp32 23.",
                "bits",
                Kind::Int { min: 0, max: 23 },
                Value::Int(6),
            ),
            "lossy-method",
            &["truncate"],
        ),
        when(
            method(
                "lossy-bits",
                "Bits",
                "Quantizer bits: values become multiples of max|x| / (2^(bits-1) - 1).",
                "bits",
                QUANT_BITS,
                Value::Int(8),
            ),
            "lossy-method",
            &["quant"],
        ),
    ]
}
