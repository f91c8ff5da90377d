//! Finds the step at which the coded scheme uses up its limit. Between measured steps, the logarithm of the error is taken as linear in the
//! logarithm of the step.

use super::candidate::Method;
use super::choose::Limit;
use super::found::Pair;
use super::plan::coded_candidate;
use crate::scheme::Tkc;
use crate::tensor::Kv;

/// Share of the limit to aim at, a margin for errors that deviate from the line.
const AIM: f64 = 0.985;

/// Largest factor by which the result may lie outside the measured steps.
const MAX_BEYOND: f64 = 1.25;

/// The pair whose errors are just within the limit, from measured pairs of the coded scheme and their limited errors of K and of V. `None`
/// if errors do not grow with the step.
pub fn refined(measured: &[(&Pair, [f64; 2])], limit: Limit) -> Option<Pair> {
    let candidate = |kv: Kv| {
        let mut points = Vec::new();
        for (pair, errors) in measured {
            let Method::Coded(step) = kv.of(&pair.k, &pair.v).method else {
                return None;
            };
            points.push((step, errors[kv]));
        }
        step_at(points, AIM * limit.max_error()).map(|step| coded_candidate(Tkc::typed_step(step)))
    };
    Some(Pair {
        k: candidate(Kv::K)?,
        v: candidate(Kv::V)?,
    })
}

/// The step at an error, on the line through the two nearest points. If the coded scheme makes different choices at the two (see
/// [`Tkc::choice_step`]), there is a break between them: on each side the error then grows from that side's point as the square of the
/// step.
fn step_at(mut points: Vec<(f64, f64)>, error: f64) -> Option<f64> {
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.dedup_by(|a, b| a.0 == b.0);
    let (min, max) = (points.first()?.0, points.last()?.0);
    let next = points.windows(2).find(|pair| pair[1].1 >= error);
    let [low, high] = *next.or(points.windows(2).last())? else {
        return None;
    };
    let grows = error > 0.0 && low.1 > 0.0 && high.1 > low.1 && high.1.is_finite();
    if !grows {
        return None;
    }
    let is_whole = Tkc::choice_step(low.0) == Tkc::choice_step(high.0);
    let power = match is_whole {
        true => libm::log(high.1 / low.1) / libm::log(high.0 / low.0),
        false => 2.0,
    };
    let from = |point: (f64, f64)| point.0 * libm::pow(error / point.1, 1.0 / power);
    let from_low = from(low);
    let step = match Tkc::choice_step(from_low) == Tkc::choice_step(low.0) {
        true => from_low,
        false => from(high),
    };
    Some(step.clamp(min / MAX_BEYOND, max * MAX_BEYOND))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::explore::LimitKind;

    fn pairs(steps: &[f64]) -> Vec<Pair> {
        let pair = |&step: &f64| Pair {
            k: coded_candidate(step),
            v: coded_candidate(2.0 * step),
        };
        steps.iter().map(pair).collect()
    }

    fn steps(pair: &Pair) -> [f64; 2] {
        [&pair.k, &pair.v].map(|candidate| match candidate.method {
            Method::Coded(step) => step,
            _ => f64::NAN,
        })
    }

    #[test]
    fn an_error_that_grows_as_the_square_is_met_between_and_beyond_the_steps() {
        let pairs = pairs(&[0.33, 0.3, 0.25]);
        let error = |step: f64| 0.1 * step * step;
        let measured: Vec<(&Pair, [f64; 2])> = pairs
            .iter()
            .map(|pair| (pair, [error(steps(pair)[0]); 2]))
            .collect();
        for value in [0.005, 0.0075, 0.0088, 0.0115, 0.013] {
            let limit = Limit {
                kind: LimitKind::Attention,
                value,
            };
            let [k, v] = steps(&refined(&measured, limit).unwrap());
            let used = error(k) / value;
            assert!((0.975..=0.986).contains(&used), "{value}: {used}");
            assert!((v / k - 2.0).abs() < 0.01);
        }
        let limit = Limit {
            kind: LimitKind::Attention,
            value: 9.0,
        };
        assert_eq!(steps(&refined(&measured, limit).unwrap()), [0.4125, 0.825]);
    }

    #[test]
    fn errors_that_tell_nothing_give_no_step() {
        let pairs = pairs(&[0.33, 0.3]);
        let limit = Limit {
            kind: LimitKind::Index,
            value: 0.01,
        };
        for errors in [[0.0, 0.0], [f64::INFINITY, 0.02], [0.01, 0.02]] {
            let measured = [(&pairs[0], [errors[0]; 2]), (&pairs[1], [errors[1]; 2])];
            assert_eq!(refined(&measured, limit), None, "{errors:?}");
        }
    }
}
