//! Settings that several analyses share, with the reference's names and defaults: which captures are analysed, which layers stay lossless
//! and how streams are compressed.

use super::caveats;
use super::param::{Kind, ParamSpec, Section};
use super::settings::{Settings, SettingsError};
use super::value::Choices;
use crate::codec::{Mode, zstd};

/// Largest seq_len that a setting accepts; longer than any model's context.
const MAX_SEQ_LEN: i64 = 1_000_000_000;

/// Smallest number of quantizer bits: with fewer, no step is left.
pub const MIN_QUANT_BITS: i64 = 2;
/// Largest number of quantizer bits: more have no effect on binary32 values.
pub const MAX_QUANT_BITS: i64 = 24;

/// Accepted range of quantizer bits.
pub const QUANT_BITS: Kind = Kind::Int {
    min: MIN_QUANT_BITS,
    max: MAX_QUANT_BITS,
};

/// Which captures are analysed, by their stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Captures of every stage, also of an unknown one.
    Both,
    /// Captures of the prompt.
    Prefill,
    /// Captures of generated tokens.
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

/// Settings that select captures, which every analysis has; [`super::Filter`] reads them.
pub fn capture_params() -> Vec<ParamSpec> {
    let seq_len = Kind::Int {
        min: 0,
        max: MAX_SEQ_LEN,
    };
    let params = [
        ParamSpec::method(
            "stage",
            "Stage",
            "Only captures of this stage; both keeps all.",
            "",
            Kind::choice::<Stage>(),
            Stage::Both.name(),
        ),
        ParamSpec::method(
            "min-seq-len",
            "Shortest capture",
            "Only captures of at least this length; 0 means no bound.",
            "tokens",
            seq_len.clone(),
            0,
        ),
        ParamSpec::method(
            "max-seq-len",
            "Longest capture",
            "Only captures of at most this length; 0 means no bound.",
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

/// How a tensor's streams are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// How a tensor is laid out before zstd.
    pub mode: Mode,
    /// Zstd level, -131072 to 22.
    pub level: i32,
}

/// Settings that the reference's analyses share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedSettings {
    /// Layers with a smaller number stay lossless.
    pub lossless_first_n: i64,
    /// How streams are compressed.
    pub compression: Compression,
}

impl SharedSettings {
    /// Whether layer `layer_id` stays lossless.
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

/// Appends to an analysis's own settings those that [`SharedSettings`] and [`super::Filter`] read.
pub fn with_shared(mut own: Vec<ParamSpec>) -> Vec<ParamSpec> {
    own.push(
        ParamSpec::method(
            "lossless-first-n",
            "Lossless layers",
            "Layers with a smaller number than this stay lossless.",
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
            "Higher levels compress more and are slower; negative ones are faster; 0 is zstd's default, 3.",
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
