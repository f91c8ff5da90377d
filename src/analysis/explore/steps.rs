//! What each step of the coded scheme gains: the same rounding with the steps turned on one after another, on some layers.

use super::treat::Side;
use crate::analysis::error::MeasureError;
use crate::analysis::unit::Unit;
use crate::metrics::token_errors;
use crate::scheme::{Klt, KltChoice, RopeChoice, Tkc};
use crate::tensor::Kv;

/// The last step that is turned on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Rounding to one step, range coded with each channel's neighbours as context.
    Codes,
    /// Channel means are subtracted.
    Mean,
    /// The rotary embedding of keys is undone.
    Rope,
    /// Channels are decorrelated, if the stored basis pays for itself.
    Klt,
    /// Tokens are divided by their norm, and sinks kept raw.
    Norm,
}

impl Stage {
    /// All stages, in the order in which they are turned on.
    pub const ALL: [Self; 5] = [Self::Codes, Self::Mean, Self::Rope, Self::Klt, Self::Norm];

    /// Label of the stage in reports.
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

/// A stage at one rounding step, on K or V of a layer.
#[derive(Clone, Copy, Debug)]
pub struct StepPoint {
    pub stage: Stage,
    /// Index of the rounding step in [`AROUND`].
    pub step: usize,
    pub kv: Kv,
    pub bytes: u64,
    pub raw_bytes: u64,
    /// 1 - cosine.
    pub error: f64,
}

/// Rounding steps to try, as factors of the one that is expected to give the cosine.
pub const AROUND: [f64; 2] = [0.87, 1.15];

/// Measures all stages on K and V of a layer, at rounding steps near the one that should give this cosine.
///
/// # Errors
/// When the job was cancelled.
pub fn measure(
    unit: &Unit,
    sides: &[Side; 2],
    cosine: f64,
) -> Result<Vec<StepPoint>, MeasureError> {
    let mut jobs = Vec::new();
    for stage in Stage::ALL {
        jobs.push((stage, Kv::K));
        // V has no rotary embedding to undo.
        if stage != Stage::Rope {
            jobs.push((stage, Kv::V));
        }
    }
    // Rounding errors are uniform within a step, with a mean square of a twelfth of its square; 1 - cosine is half of that.
    let expected = (24.0 * (1.0 - cosine)).sqrt();
    let points = crate::par::map(&jobs, &|&(stage, kv)| {
        let of: &Side = &sides[kv];
        let on = |first: Stage| stage as usize >= first as usize;
        // Without token norms, the rounding step is in the tensor's own units.
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
        let prepared = match stage {
            // With the last step on it is the coded scheme itself, whose choices the passes share.
            Stage::Norm => of.prepared_near(tkc.step),
            _ => of.prepared(tkc, false),
        };
        let mut points = Vec::new();
        for (step, &around) in AROUND.iter().enumerate() {
            unit.go_on()?;
            let treated = of.counted(&prepared, size(around));
            points.push(StepPoint {
                stage,
                step,
                kv,
                bytes: treated.bytes,
                raw_bytes: of.raw_bytes(),
                error: 1.0 - token_errors(of.values, &treated.values, of.about.shape).cosine,
            });
        }
        Ok(points)
    });
    let points: Vec<Vec<StepPoint>> = points.into_iter().collect::<Result<_, _>>()?;
    let mut points = points.concat();
    let same = |point: &&StepPoint| point.stage == Stage::Mean && point.kv == Kv::V;
    let without_rope: Vec<StepPoint> = points.iter().filter(same).copied().collect();
    points.extend(without_rope.into_iter().map(|point| StepPoint {
        stage: Stage::Rope,
        ..point
    }));
    Ok(points)
}
