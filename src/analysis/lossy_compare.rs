//! Lossy compare: clipping, quantizing, and both, side by side.

use super::common::{QUANT_BITS, choices, method, when};
use super::settings::{Kind, ParamSpec, Value};

/// The settings of its own.
pub fn specs() -> Vec<ParamSpec> {
    let Kind::Int { min, max } = QUANT_BITS else {
        unreachable!("bits are whole numbers")
    };
    let modes = choices(&[
        ("clip", "Clip"),
        ("quant", "Quantize"),
        ("clip-quant", "Clip, then quantize"),
    ]);
    let methods = choices(&[
        ("both", "Both"),
        ("percentile", "Percentiles"),
        ("sigma", "Standard deviations"),
    ]);
    vec![
        method(
            "modes",
            "Modes",
            "What is compared.",
            "",
            Kind::ChoiceList { choices: modes },
            Value::texts(&["clip", "quant", "clip-quant"]),
        ),
        when(
            method(
                "bits",
                "Bits",
                "Quantizer bits.",
                "bits",
                QUANT_BITS,
                Value::Int(8),
            ),
            "modes",
            &["quant", "clip-quant"],
        ),
        when(
            method(
                "bits-list",
                "Bits list",
                "Several quantizer bits; when given, it takes the place of bits.",
                "bits",
                Kind::IntList { min, max },
                Value::Ints(Vec::new()),
            ),
            "modes",
            &["quant", "clip-quant"],
        ),
        when(
            method(
                "clip-method",
                "Clip by",
                "Where values are cut off: at percentiles, at standard deviations from the mean, or both in turn.",
                "",
                Kind::Choice { choices: methods },
                Value::text("both"),
            ),
            "modes",
            &["clip", "clip-quant"],
        ),
        when(
            method(
                "clip-percentiles",
                "Percentiles",
                "The lower and upper percentile that values are clipped to.",
                "%",
                Kind::Range {
                    min: 0.0,
                    max: 100.0,
                },
                Value::Floats(vec![1.0, 99.0]),
            ),
            "clip-method",
            &["both", "percentile"],
        ),
        when(
            method(
                "clip-sigma",
                "Sigma",
                "Values are clipped to the mean plus and minus this many standard deviations.",
                "std",
                Kind::Float {
                    min: 0.0,
                    max: 1000.0,
                },
                Value::Float(3.0),
            ),
            "clip-method",
            &["both", "sigma"],
        ),
    ]
}
