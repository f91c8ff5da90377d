//! Which steps of `tkc` to try next, from the errors of those that were tried.

use super::limit::is_close;
use crate::scheme::Tkc;

/// Shares of the limit that are tried for K; V gets the rest.
pub(super) const SPLITS: [f64; 5] = [0.3, 0.4, 0.5, 0.6, 0.7];

/// Initial step.
pub(super) const START: f64 = 0.1;

/// Below this step values are stored losslessly instead.
pub(super) const MIN_STEP: f64 = 2e-4;
const MAX_STEP: f64 = 8.0;

/// A step that was tried on K or V, with its error alone as a multiple of the limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Try {
    pub step: f64,
    pub share: f64,
    /// Stored bytes; 0 where they were not counted.
    pub bytes: u64,
}

/// The steps to try after these, to come to `aim` of the limit. A share within the limit and close to it stays; others move, as if errors
/// grew as the square of the step.
pub(super) fn next_steps(mut steps: [f64; 2], shares: [f64; 2], aim: f64) -> [f64; 2] {
    for (step, share) in steps.iter_mut().zip(&shares) {
        if !is_close(share) {
            *step *= (aim / share.max(1e-6)).sqrt();
        }
    }
    steps
}

/// Index of the split of the limit that takes the fewest bytes, with K at the split's share and V at the rest.
pub(super) fn best_split(k: &[Try], v: &[Try]) -> usize {
    let last = SPLITS.len() - 1;
    let bytes = |place: &usize| k[*place].bytes + v[last - place].bytes;
    (0..=last).min_by_key(bytes).unwrap_or(last / 2)
}

/// The step at which the share is expected to be `wanted`: on the line in logarithms through the nearest tries or, with a single try, by
/// the square.
pub(super) fn towards(tried: &[Try], wanted: f64) -> f64 {
    let ln = |x: f64| libm::log(x.max(1e-12));
    let apart = |tried: &Try| (ln(tried.share) - ln(wanted)).abs();
    let nearer = |a: &&Try, b: &&Try| apart(a).total_cmp(&apart(b));
    let Some(nearest) = tried.iter().min_by(nearer) else {
        return START;
    };
    let others = tried.iter().filter(|other| other.step != nearest.step);
    let other = others.min_by(nearer);
    let slope = other.map_or(2.0, |other| {
        (ln(other.share) - ln(nearest.share)) / (ln(other.step) - ln(nearest.step))
    });
    let slope = if slope.is_finite() {
        slope.clamp(1.0, 3.0)
    } else {
        2.0
    };
    let step = nearest.step * libm::exp((ln(wanted) - ln(nearest.share)) / slope);
    step.clamp(MIN_STEP, MAX_STEP)
}

/// A step within the bounds that a user can type.
pub(super) fn rounded(step: f64) -> f64 {
    Tkc::typed_step(step.clamp(MIN_STEP, MAX_STEP))
}
