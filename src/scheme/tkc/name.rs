//! Parses and writes the scheme's name and options.

use super::front::Klt;
use super::options::{KltChoice, RopeChoice, Tkc};
use super::rope::{Pairs, Rope};
use crate::scheme::name::{SchemeError, Spec};

/// Parses this scheme; `None` where `spec` names another one.
pub(in crate::scheme) fn parse(spec: &mut Spec) -> Result<Option<Tkc>, SchemeError> {
    if spec.name() != "tkc" {
        return Ok(None);
    }
    let positive = |text: &str| {
        text.parse()
            .ok()
            .filter(|value: &f64| (1e-6..=1e6).contains(value))
    };
    let Some(step) = spec.take("c", "a step from 0.000001 to 1000000", positive)? else {
        return Err(spec.wrong("c", "left out: it takes a step, as in tkc:c=0.155"));
    };
    let interleaved = spec.flag("interleaved");
    let pairs = match interleaved {
        true => Pairs::Interleaved,
        false => Pairs::HalfSplit,
    };
    let rope = |text: &str| match text {
        "auto" => Some(RopeChoice::Detect),
        "none" => Some(RopeChoice::None),
        _ => text
            .parse()
            .ok()
            .filter(|theta: &f64| (1.0..=1e12).contains(theta))
            .map(|theta| RopeChoice::Is(Rope { theta, pairs })),
    };
    let klt = |text: &str| {
        Some(match text {
            "auto" => KltChoice::Smallest,
            "none" => KltChoice::Is(Klt::None),
            "head" => KltChoice::Is(Klt::PerHead),
            "across" => KltChoice::Is(Klt::AcrossHeads),
            _ => return None,
        })
    };
    let rope = spec
        .take("rope", "auto, none or a theta of at least 1", rope)?
        .unwrap_or(RopeChoice::Detect);
    if interleaved && !matches!(rope, RopeChoice::Is(_)) {
        return Err(spec.wrong("interleaved", "of use without a theta, as in rope=10000"));
    }
    Ok(Some(Tkc {
        step,
        rope,
        klt: spec
            .take("klt", "auto, none, head or across", klt)?
            .unwrap_or(KltChoice::Smallest),
        token_norm: !spec.flag("nonorm"),
        mean: !spec.flag("nomean"),
    }))
}

/// The canonical name, without options that have their defaults; [`parse`] accepts it.
pub(super) fn name(tkc: &Tkc) -> String {
    let mut name = format!("tkc:c={}", tkc.step);
    match tkc.rope {
        RopeChoice::Detect | RopeChoice::DetectWith(_) => {}
        RopeChoice::None => name += ",rope=none",
        RopeChoice::Is(Rope { theta, pairs }) => {
            name += &format!(",rope={theta}");
            if pairs == Pairs::Interleaved {
                name += ",interleaved";
            }
        }
    }
    name += match tkc.klt {
        KltChoice::Smallest => "",
        KltChoice::Is(Klt::None) => ",klt=none",
        KltChoice::Is(Klt::PerHead) => ",klt=head",
        KltChoice::Is(Klt::AcrossHeads) => ",klt=across",
    };
    if !tkc.token_norm {
        name += ",nonorm";
    }
    if !tkc.mean {
        name += ",nomean";
    }
    name
}
