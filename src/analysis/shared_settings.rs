//! The settings that several analyses have, with the reference's names and defaults: which captures are analysed, which layers stay
//! lossless and how streams are compressed.

use super::caveats;
use super::param::{Kind, ParamSpec, Section};
use super::settings::{Settings, SettingsError};
use super::value::Choices;
use crate::codec::{Mode, zstd};

/// The largest seq_len that can be asked for: beyond any context.
const MAX_SEQ_LEN: i64 = 1_000_000_000;

/// Quantizer bits from this many: fewer leave no step.
pub const MIN_QUANT_BITS: i64 = 2;
/// Quantizer bits to this many: more have no effect on binary32 values.
pub const MAX_QUANT_BITS: i64 = 24;

/// Quantizer bits.
pub const QUANT_BITS: Kind = Kind::Int {
    min: MIN_QUANT_BITS,
    max: MAX_QUANT_BITS,
};

/// Which captures, by their stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// All, also those of an unknown stage.
    Both,
    /// Those of the prompt.
    Prefill,
    /// Those of generated tokens.
    Decode,
}

impl Choices for Stage {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Both, "both", "Both"),
        (Self::Prefill, "prefill", "Prefill"),
        (Self::Decode, "decode", "Decode"),
    ];
}

impl Choices for Mode {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::GearDelta, "gear-delta", "Gear-delta"),
        (Self::Gear, "gear", "Gear"),
        (Self::Zstd, "zstd", "zstd"),
    ];
}

/// Which captures are analysed: every analysis has these, [`super::Filter`] reads them.
pub fn capture_params() -> Vec<ParamSpec> {
    let seq_len = Kind::Int {
        min: 0,
        max: MAX_SEQ_LEN,
    };
    let params = [
        ParamSpec::method(
            "stage",
            "Stage",
            "Captures of this stage only; both keeps all.",
            "",
            Kind::choice::<Stage>(),
            Stage::Both.name(),
        ),
        ParamSpec::method(
            "min-seq-len",
            "Shortest capture",
            "Captures of at least this length only; 0 is no bound.",
            "tokens",
            seq_len.clone(),
            0,
        ),
        ParamSpec::method(
            "max-seq-len",
            "Longest capture",
            "Captures of at most this length only; 0 is no bound.",
            "tokens",
            seq_len,
            0,
        ),
    ];
    let shared = |param: ParamSpec| param.section(Section::Captures).shared();
    params
        .into_iter()
        .map(shared)
        .chain(caveats::params())
        .collect()
}

/// How streams are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// How a tensor is laid out before zstd.
    pub mode: Mode,
    /// The zstd level.
    pub level: i32,
}

/// What the analyses of the reference have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedSettings {
    /// Layers with a number below this stay lossless.
    pub lossless_first_n: i64,
    /// How streams are compressed.
    pub compression: Compression,
}

impl SharedSettings {
    /// Whether a layer stays lossless.
    pub fn keeps(&self, layer_id: i64) -> bool {
        layer_id < self.lossless_first_n
    }
}

impl TryFrom<&Settings> for SharedSettings {
    type Error = SettingsError;

    fn try_from(settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            lossless_first_n: settings.read("lossless-first-n")?,
            compression: Compression {
                mode: settings.read("compress-mode")?,
                level: settings.read("zstd-level")?,
            },
        })
    }
}

/// An analysis's own settings, and behind them those that [`SharedSettings`] and [`super::Filter`] read.
pub fn with_shared(mut own: Vec<ParamSpec>) -> Vec<ParamSpec> {
    own.push(
        ParamSpec::method(
            "lossless-first-n",
            "Lossless layers",
            "Layers with a number below this stay lossless.",
            "layers",
            Kind::Int {
                min: -1,
                max: 1_000_000,
            },
            2,
        )
        .section(Section::Captures)
        .shared(),
    );
    own.extend(capture_params());
    let compression = [
        ParamSpec::method(
            "compress-mode",
            "Codec",
            "What zstd is given: byte planes with the high one differenced along the tokens, byte planes, or the bytes as they are (then lossy layers take gear).",
            "",
            Kind::choice::<Mode>(),
            Mode::GearDelta.name(),
        ),
        ParamSpec::method(
            "zstd-level",
            "zstd level",
            "Greater is smaller and slower; negative is faster; 0 is zstd's default, 3.",
            "",
            Kind::Int {
                min: i64::from(*zstd::LEVELS.start()),
                max: i64::from(*zstd::LEVELS.end()),
            },
            3,
        ),
    ];
    let shared = |param: ParamSpec| param.section(Section::Compression).shared();
    own.extend(compression.into_iter().map(shared));
    own
}
