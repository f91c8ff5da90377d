//! The settings that all analyses have, with the reference's names and defaults.

use super::settings::{Choice, Kind, ParamSpec, Section, Value, When};

/// The largest seq_len that can be asked for: beyond any context.
const MAX_SEQ_LEN: i64 = 1_000_000_000;

/// Quantizer bits: fewer leave no step, more have no effect on binary32 values.
pub const QUANT_BITS: Kind = Kind::Int { min: 2, max: 24 };

/// A setting of the analysis's own method that always has an effect.
pub fn method(
    flag: &'static str,
    label: &'static str,
    help: &'static str,
    unit: &'static str,
    kind: Kind,
    default: Value,
) -> ParamSpec {
    ParamSpec {
        flag,
        label,
        help,
        unit,
        section: Section::Method,
        kind,
        default,
        when: None,
    }
}

/// The same setting, with an effect only under a condition.
pub fn when(spec: ParamSpec, flag: &'static str, is: &'static [&'static str]) -> ParamSpec {
    ParamSpec {
        when: Some(When { flag, is }),
        ..spec
    }
}

/// A kind that lets choose one or (with [`Kind::ChoiceList`]) several of `(value, label)`.
pub fn choices(choices: &[(&'static str, &'static str)]) -> Vec<Choice> {
    choices
        .iter()
        .map(|&(value, label)| Choice { value, label })
        .collect()
}

/// The settings of every analysis.
pub fn specs() -> Vec<ParamSpec> {
    let captures = |flag, label, help, unit, kind, default| ParamSpec {
        section: Section::Captures,
        ..method(flag, label, help, unit, kind, default)
    };
    let compression = |flag, label, help, kind, default| ParamSpec {
        section: Section::Compression,
        ..method(flag, label, help, "", kind, default)
    };
    let stages = choices(&[
        ("both", "Both"),
        ("prefill", "Prefill"),
        ("decode", "Decode"),
    ]);
    let modes = choices(&[
        ("gear-delta", "Gear-delta"),
        ("gear", "Gear"),
        ("zstd", "zstd"),
    ]);
    vec![
        captures(
            "lossless-first-n",
            "Lossless layers",
            "Layers with a number below this stay lossless.",
            "layers",
            Kind::Int {
                min: -1,
                max: 1_000_000,
            },
            Value::Int(2),
        ),
        captures(
            "stage",
            "Stage",
            "Captures of this stage only; both keeps all.",
            "",
            Kind::Choice { choices: stages },
            Value::text("both"),
        ),
        captures(
            "min-seq-len",
            "Shortest capture",
            "Captures of at least this length only; 0 is no bound.",
            "tokens",
            Kind::Int {
                min: 0,
                max: MAX_SEQ_LEN,
            },
            Value::Int(0),
        ),
        captures(
            "max-seq-len",
            "Longest capture",
            "Captures of at most this length only; 0 is no bound.",
            "tokens",
            Kind::Int {
                min: 0,
                max: MAX_SEQ_LEN,
            },
            Value::Int(0),
        ),
        compression(
            "compress-mode",
            "Codec",
            "What zstd is given: byte planes with the high one differenced along the tokens, byte planes, or the bytes as they are (then lossy layers take gear).",
            Kind::Choice { choices: modes },
            Value::text("gear-delta"),
        ),
        compression(
            "zstd-level",
            "zstd level",
            "Greater is smaller and slower; negative is faster; 0 is zstd's default, 3.",
            Kind::Int {
                min: *crate::codec::zstd::LEVELS.start() as i64,
                max: *crate::codec::zstd::LEVELS.end() as i64,
            },
            Value::Int(3),
        ),
    ]
}

/// The settings of block-norm's storage, which its analysis and the sweep share.
pub fn block_storage() -> Vec<ParamSpec> {
    let bytes = Kind::Int { min: 0, max: 16 };
    vec![
        method(
            "scale-bytes",
            "Scale",
            "Bytes that every block's scale takes; 2 stores it as fp16.",
            "bytes",
            bytes.clone(),
            Value::Int(2),
        ),
        method(
            "topk-extra-scale-bytes",
            "Extra scale",
            "Bytes more for the scale of each top-k block, which is then exact; 0 keeps the stored one.",
            "bytes",
            bytes.clone(),
            Value::Int(4),
        ),
        method(
            "index-bytes",
            "Index",
            "Bytes that name each top-k block.",
            "bytes",
            bytes,
            Value::Int(4),
        ),
    ]
}
