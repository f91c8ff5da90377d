//! Block-norm: every block of a head's vector normalised by its greatest value and quantized.

use super::common::{QUANT_BITS, block_storage, method};
use super::settings::{Kind, ParamSpec, Value};

/// The settings of its own.
pub fn specs() -> Vec<ParamSpec> {
    let mut specs = vec![
        method(
            "block-size",
            "Block size",
            "Values that share a scale, along head_dim.",
            "values",
            Kind::Int {
                min: 1,
                max: 65_536,
            },
            Value::Int(64),
        ),
        method(
            "topk-ratio",
            "Top-k ratio",
            "The part of the blocks, those of greatest energy, that get an exact scale.",
            "",
            Kind::Float { min: 0.0, max: 1.0 },
            Value::Float(0.8),
        ),
        method(
            "bits",
            "Bits",
            "Quantizer bits within a block.",
            "bits",
            QUANT_BITS,
            Value::Int(10),
        ),
    ];
    specs.extend(block_storage());
    specs
}
