//! The corrections as settings: every analysis has them, all off by default, so that reports stay those of the reference.

use super::mend::Mends;
use crate::analysis::param::{Kind, ParamSpec, Section};
use crate::analysis::settings::{Settings, SettingsError};
use crate::analysis::value::Choices;
use crate::tensor::Dtype;

/// Element type that 32-bit values are taken as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TakenAs {
    Stored,
    Bf16,
    Fp16,
}

impl Choices for TakenAs {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Stored, "stored", "As stored"),
        (Self::Bf16, "bf16", "bf16"),
        (Self::Fp16, "fp16", "fp16"),
    ];
}

/// Settings for the corrections.
pub fn params() -> Vec<ParamSpec> {
    let params = [
        ParamSpec::method(
            "trim-zeros",
            "Trim zeros",
            "Leave out tokens at the end of a capture whose K and V are all zero: a static buffer that is not full.",
            "",
            Kind::Switch,
            false,
        ),
        ParamSpec::method(
            "as",
            "fp32 as",
            "Take fp32 captures as this type where it holds all of their values exactly: caches are often saved as fp32.",
            "",
            Kind::choice::<TakenAs>(),
            TakenAs::Stored.name(),
        ),
        ParamSpec::method(
            "unrepeat-heads",
            "Unrepeat heads",
            "Keep one of the heads of K and V that repeat bit by bit, as repeat_kv makes them.",
            "",
            Kind::Switch,
            false,
        ),
    ];
    let shared = |param: ParamSpec| param.section(Section::Captures).shared();
    params.into_iter().map(shared).collect()
}

impl TryFrom<&Settings> for Mends {
    type Error = SettingsError;

    fn try_from(settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            trim_zeros: settings.read("trim-zeros")?,
            narrow_to: match settings.read("as")? {
                TakenAs::Stored => None,
                TakenAs::Bf16 => Some(Dtype::Bf16),
                TakenAs::Fp16 => Some(Dtype::F16),
            },
            unrepeat_heads: settings.read("unrepeat-heads")?,
        })
    }
}
