//! What each step of the coded scheme brings: the same rounding with the steps turned on one by one, on some layers.

use super::treat::Side;
use crate::analysis::error::MeasureError;
use crate::analysis::unit::Unit;
use crate::metrics::token_errors;
use crate::scheme::{Klt, KltChoice, RopeChoice, Tkc};
use serde::Serialize;

/// How far the steps go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// Rounded to one step and range coded, each channel in the context of its neighbours.
    Codes,
    /// Channels freed of their mean.
    Mean,
    /// Keys turned back by their position.
    Rope,
    /// Channels freed of their correlation, where the basis pays for itself.
    Klt,
    /// Every token divided by its norm, and sinks kept raw.
    Norm,
}

impl Stage {
    /// In the order in which they are turned on.
    pub const ALL: [Self; 5] = [Self::Codes, Self::Mean, Self::Rope, Self::Klt, Self::Norm];

    /// What it is called.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Codes => "integer codes, range coded",
            Self::Mean => "channel means taken off",
            Self::Rope => "RoPE undone",
            Self::Klt => "decorrelated (KLT)",
            Self::Norm => "token norm, sinks raw",
        }
    }
}

/// One stage on K or V of a layer, at the step of rounding that gives the cosine.
#[derive(Clone, Copy, Debug)]
pub struct StepPoint {
    pub stage: Stage,
    pub bytes: u64,
    pub raw_bytes: u64,
}

/// Tries until the cosine is met: errors grow about as the square of the step.
const TRIES: usize = 4;

/// Near enough: a hundredth of the error is a 140th of a bit a value.
const NEAR: f64 = 0.01;

/// All stages on K and V of a layer, each at this cosine.
///
/// # Errors
/// When it was cancelled.
pub fn measure(
    unit: &Unit,
    sides: &[Side; 2],
    cosine: f64,
) -> Result<Vec<StepPoint>, MeasureError> {
    let mut jobs = Vec::new();
    for stage in Stage::ALL {
        jobs.extend([(stage, 0), (stage, 1)]);
    }
    let wanted = (1.0 - cosine).max(1e-12);
    let points = crate::par::map(&jobs, &|&(stage, side)| {
        let of: &Side = &sides[side];
        let on = |first: Stage| stage as usize >= first as usize;
        // Without the norm a step is in the tensor's own units.
        let square: f64 = of.values.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        let unit_step = if on(Stage::Norm) {
            1.0
        } else {
            (square / of.values.len().max(1) as f64).sqrt()
        };
        // An error spread evenly over a step has a twelfth of its square; half of that is what the cosine falls short of 1.
        let mut step = (unit_step * (24.0 * wanted).sqrt()).clamp(1e-6, 1e6);
        let tkc = Tkc {
            rope: if on(Stage::Rope) {
                of.coded(1.0).rope
            } else {
                RopeChoice::None
            },
            token_norm: on(Stage::Norm),
            mean: on(Stage::Mean),
            klt: if on(Stage::Klt) {
                KltChoice::Smallest
            } else {
                KltChoice::Is(Klt::None)
            },
            ..of.coded(step)
        };
        let prepared = of.prepared(tkc, on(Stage::Norm));
        for _ in 0..TRIES {
            if unit.is_cancelled() {
                return Err(MeasureError::Cancelled);
            }
            let restored = of.restored(&prepared, step);
            let error = 1.0 - token_errors(of.values, &restored, of.about.shape).cosine;
            let share = error / wanted;
            if (share - 1.0).abs() < NEAR {
                break;
            }
            step = (step / share.clamp(0.01, 100.0).sqrt()).clamp(1e-6, 1e6);
        }
        Ok(StepPoint {
            stage,
            bytes: of.counted_bytes(&prepared, step),
            raw_bytes: of.raw_bytes(),
        })
    });
    points.into_iter().collect()
}
