//! Sweep: block-norm over a grid of block sizes, top-k ratios and bits, best ratio first.

use super::common::{QUANT_BITS, block_storage, method};
use super::settings::{Kind, ParamSpec, Section, Value};

/// The settings of its own.
pub fn specs() -> Vec<ParamSpec> {
    let Kind::Int { min, max } = QUANT_BITS else {
        unreachable!("bits are whole numbers")
    };
    let mut specs = vec![
        method(
            "block-sizes",
            "Block sizes",
            "Values that share a scale, along head_dim.",
            "values",
            Kind::IntList {
                min: 1,
                max: 65_536,
            },
            Value::Ints(vec![64, 128, 256]),
        ),
        method(
            "topk-ratios",
            "Top-k ratios",
            "The part of the blocks, those of greatest energy, that get an exact scale.",
            "",
            Kind::FloatList { min: 0.0, max: 1.0 },
            Value::Floats(vec![0.02, 0.05, 0.1]),
        ),
        method(
            "bits-list",
            "Bits",
            "Quantizer bits within a block.",
            "bits",
            Kind::IntList { min, max },
            Value::Ints(vec![8, 10]),
        ),
    ];
    specs.extend(block_storage());
    let least = Kind::Float {
        min: -1.0,
        max: 1.0,
    };
    let most = Kind::Float { min: 0.0, max: 1e9 };
    let report = |flag, label, help, kind, default| ParamSpec {
        section: Section::Report,
        ..method(flag, label, help, "", kind, default)
    };
    specs.extend([
        report(
            "min-k-cosine",
            "K cosine at least",
            "A combo passes when K's cosine is no less.",
            least.clone(),
            Value::Float(0.9999),
        ),
        report(
            "min-v-cosine",
            "V cosine at least",
            "A combo passes when V's cosine is no less.",
            least,
            Value::Float(0.9999),
        ),
        report(
            "max-k-mae",
            "K MAE at most",
            "A combo passes when K's mean absolute error is no greater.",
            most.clone(),
            Value::Float(0.01),
        ),
        report(
            "max-v-mae",
            "V MAE at most",
            "A combo passes when V's mean absolute error is no greater.",
            most,
            Value::Float(0.002),
        ),
        report(
            "top-n",
            "List",
            "Combos that each list of the summary names.",
            Kind::Int {
                min: 0,
                max: 100_000,
            },
            Value::Int(10),
        ),
        report(
            "save-combo",
            "Keep combos",
            "Also write each combo's block-norm reports into a folder of its name.",
            Kind::Switch,
            Value::Switch(false),
        ),
    ]);
    specs
}
