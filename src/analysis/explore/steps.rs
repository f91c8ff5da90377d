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

/// One stage at one step of rounding, on K or V of a layer.
#[derive(Clone, Copy, Debug)]
pub struct StepPoint {
    pub stage: Stage,
    /// The place of the step among [`AROUND`].
    pub step: usize,
    /// 0 for K, 1 for V.
    pub side: usize,
    pub bytes: u64,
    pub raw_bytes: u64,
    /// 1 - cosine.
    pub error: f64,
}

/// Steps that are tried, by the one that should give the cosine.
pub const AROUND: [f64; 2] = [0.87, 1.15];

/// All stages on K and V of a layer, at steps around the one that should give this cosine.
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
    // An error spread evenly over a step has a twelfth of its square; half of that is what the cosine falls short of 1.
    let expected = (24.0 * (1.0 - cosine)).sqrt();
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
        let size = |around: f64| (unit_step * expected * around).clamp(1e-6, 1e6);
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
            ..of.coded(size(1.0))
        };
        let prepared = of.prepared(tkc, on(Stage::Norm));
        let mut points = Vec::new();
        for (step, &around) in AROUND.iter().enumerate() {
            if unit.is_cancelled() {
                return Err(MeasureError::Cancelled);
            }
            let treated = of.counted(&prepared, size(around));
            points.push(StepPoint {
                stage,
                step,
                side,
                bytes: treated.bytes,
                raw_bytes: of.raw_bytes(),
                error: 1.0 - token_errors(of.values, &treated.values, of.about.shape).cosine,
            });
        }
        Ok(points)
    });
    let points: Vec<Vec<StepPoint>> = points.into_iter().collect::<Result<_, _>>()?;
    Ok(points.concat())
}
