//! Searches for the smallest pair within a limit, and computes fronts of size against error. Limited errors of K and V add up (for
//! attention errors to within a few percent), except for cosines, which hold for each.

use super::candidate::{Class, Engine, coded_name};
use super::explored::{FrontPoint, KL_BY_ATTENTION_ERROR, Point};
use super::settings::{ExploreSettings, LimitKind, MIN_STEP};
use crate::tensor::Kv;

/// Number of interpolated points between two steps of the coded scheme's grid.
const BETWEEN: i32 = 16;

/// How far beyond the finest and the coarsest step of the grid further steps are offered, as a multiple of the distance between the last two
/// steps at that end.
const FINER: i32 = 5;
const COARSER: i32 = 1;

/// The limit on errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// Which error is limited; never [`LimitKind::Auto`].
    pub kind: LimitKind,
    /// The limit, as in the settings.
    pub value: f64,
}

impl Limit {
    /// The limit of the settings; `has_queries` resolves [`LimitKind::Auto`].
    pub fn new(settings: &ExploreSettings, has_queries: bool) -> Self {
        let kind = match settings.limit {
            LimitKind::Attention | LimitKind::Auto if has_queries => LimitKind::Attention,
            LimitKind::Cosine => LimitKind::Cosine,
            LimitKind::Index | LimitKind::Attention | LimitKind::Auto => LimitKind::Index,
        };
        let value = match kind {
            LimitKind::Attention => settings.max_attention_error,
            LimitKind::Cosine => settings.min_cosine,
            LimitKind::Index | LimitKind::Auto => settings.max_index,
        };
        Self { kind, value }
    }

    /// The limited error of a point; 1 - cosine for cosines.
    pub fn error(&self, point: &Point) -> f64 {
        match self.kind {
            LimitKind::Attention => point.attention_error.unwrap_or(f64::INFINITY),
            LimitKind::Cosine => 1.0 - point.errors.cosine,
            LimitKind::Index | LimitKind::Auto => point.index,
        }
    }

    /// A limit that allows `factor` times the error.
    pub fn times(&self, factor: f64) -> Self {
        let value = match self.kind {
            LimitKind::Cosine => 1.0 - (1.0 - self.value) * factor,
            LimitKind::Index | LimitKind::Attention | LimitKind::Auto => self.value * factor,
        };
        Self { value, ..*self }
    }

    /// The largest allowed error.
    pub fn max_error(&self) -> f64 {
        if self.kind == LimitKind::Cosine {
            1.0 - self.value
        } else {
            self.value
        }
    }

    /// The error of a pair with these errors of K and V.
    pub fn together(&self, k: f64, v: f64) -> f64 {
        if self.kind == LimitKind::Cosine {
            k.max(v)
        } else {
            k + v
        }
    }
}

/// A scheme on K or V, as the search sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    pub scheme: String,
    pub class: Class,
    pub engine: Option<Engine>,
    pub bytes: f64,
    pub error: f64,
    /// Step of the coded scheme; `None` for other schemes.
    pub step: Option<f64>,
    pub keeps_tokens: bool,
}

/// The offers that the search chooses from: the points, and the coded scheme at further steps. Their sizes and errors are taken from the line
/// through the nearest two points, in logarithms. Below the finest step the size grows linearly instead: each halving of the step adds the
/// same number of bytes, up to the size of storing losslessly.
pub fn options(points: &[Point], kv: Kv, limit: Limit) -> Vec<Offer> {
    let of: Vec<&Point> = points
        .iter()
        .filter(|point| point.tensor == kv && !point.packed)
        .collect();
    let mut all: Vec<Offer> = Vec::new();
    let mut coded: Vec<(f64, f64, f64)> = Vec::new();
    for point in &of {
        let error = limit.error(point);
        if let Some(step) = step_of(&point.scheme) {
            coded.push((step, point.bytes as f64, error));
            continue;
        }
        all.push(Offer {
            scheme: point.scheme.clone(),
            class: point.class,
            engine: point.engine,
            bytes: point.bytes as f64,
            error,
            step: None,
            keeps_tokens: point.sinks + point.recent > 0,
        });
    }
    coded.sort_by(|a, b| a.0.total_cmp(&b.0));
    let stored = all.iter().filter(|offer| offer.class == Class::Stored);
    let lossless = stored
        .map(|offer| offer.bytes)
        .fold(f64::INFINITY, f64::min);
    let mut push = |step: f64, bytes: f64, error: f64| {
        // Three digits, so that a user can type them.
        let step = rounded(step);
        all.push(Offer {
            scheme: coded_name(step),
            class: Class::Stored,
            engine: None,
            bytes,
            error,
            step: Some(step),
            keeps_tokens: true,
        });
    };
    for (index, pair) in coded.windows(2).enumerate() {
        let [(c0, b0, e0), (c1, b1, e1)] = [pair[0], pair[1]];
        let first = if index == 0 { -FINER } else { 0 };
        let end = if index + 2 == coded.len() {
            1 + COARSER
        } else {
            1
        };
        for place in first * BETWEEN..end * BETWEEN {
            let t = f64::from(place) / f64::from(BETWEEN);
            let (step, error) = (on_line(c0, c1, t), on_line(e0, e1, t));
            if place >= 0 {
                push(step, on_line(b0, b1, t), error);
                continue;
            }
            let bytes = b0 + (b1 - b0) * t;
            if bytes < lossless && step >= MIN_STEP {
                push(step, bytes, error);
            }
        }
    }
    if let [(step, bytes, error)] = coded[..] {
        push(step, bytes, error);
    }
    all
}

/// The value at `t` on the line through `a` at 0 and `b` at 1, in logarithms; `a` where one of them has none.
pub fn on_line(a: f64, b: f64, t: f64) -> f64 {
    if a > 0.0 && b > 0.0 {
        libm::exp(libm::log(a) * (1.0 - t) + libm::log(b) * t)
    } else {
        a
    }
}

/// Step of the coded scheme, from its name.
pub fn step_of(scheme: &str) -> Option<f64> {
    scheme
        .strip_prefix("tkc:c=")?
        .split(',')
        .next()?
        .parse()
        .ok()
}

/// Rounds to three significant digits.
pub fn rounded(step: f64) -> f64 {
    format!("{step:.2e}").parse().unwrap_or(step)
}

/// The smallest pair within the limit; among pairs of equal size, the one with the smaller error. `allowed` says which offers may be
/// combined.
pub fn smallest<'a>(
    k: &'a [Offer],
    v: &'a [Offer],
    limit: Limit,
    allowed: impl Fn(&Offer, &Offer) -> bool,
) -> Option<(&'a Offer, &'a Offer)> {
    let mut best: Option<(f64, f64, &Offer, &Offer)> = None;
    for k in k {
        for v in v {
            let (bytes, error) = (k.bytes + v.bytes, limit.together(k.error, v.error));
            let better = best
                .as_ref()
                .is_none_or(|(b, e, ..)| bytes < *b || (bytes == *b && error < *e));
            if error <= limit.max_error() && better && allowed(k, v) {
                best = Some((bytes, error, k, v));
            }
        }
    }
    best.map(|(_, _, k, v)| (k, v))
}

/// How much K and V hold, over all layers.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    /// Number of values in K and in V.
    pub values: [u64; 2],
    /// Bytes of K and of V as captured.
    pub raw_bytes: [u64; 2],
}

/// The Pareto fronts of every class, for K, for V and for both.
pub fn fronts(points: &[Point], limit: Limit, amount: Amount) -> Vec<FrontPoint> {
    let mut fronts = Vec::new();
    let measured = |kv| {
        points
            .iter()
            .filter(move |point| point.tensor == kv && !point.packed)
            .map(move |point| (point, limit.error(point)))
    };
    for class in [
        Class::Engine,
        Class::Packed,
        Class::Stored,
        Class::Reference,
    ] {
        let of = |kv| {
            measured(kv)
                .filter(|(point, error)| point.class == class && error.is_finite())
                .collect::<Vec<_>>()
        };
        let (k, v) = (of(Kv::K), of(Kv::V));
        let make = |tensor, k: Option<&Point>, v: Option<&Point>, error: f64| {
            let bytes: u64 = [k, v].iter().flatten().map(|point| point.bytes).sum();
            let of_both = |[of_k, of_v]: [u64; 2]| k.map_or(0, |_| of_k) + v.map_or(0, |_| of_v);
            FrontPoint {
                tensor,
                class,
                k: k.map(|point| point.scheme.clone()),
                v: v.map(|point| point.scheme.clone()),
                bytes,
                bits_per_value: bytes as f64 * 8.0 / of_both(amount.values).max(1) as f64,
                ratio: of_both(amount.raw_bytes) as f64 / bytes.max(1) as f64,
                error,
                estimated_kl: (limit.kind == LimitKind::Attention)
                    .then_some(error * KL_BY_ATTENTION_ERROR),
            }
        };
        fronts.extend(pareto(
            k.iter()
                .map(|(point, error)| make(Kv::K.name(), Some(point), None, *error))
                .collect(),
        ));
        fronts.extend(pareto(
            v.iter()
                .map(|(point, error)| make(Kv::V.name(), None, Some(point), *error))
                .collect(),
        ));
        let mut pairs = Vec::new();
        for (k, k_error) in &k {
            for (v, v_error) in &v {
                let same_engine = k.engine == v.engine
                    && (k.scheme == v.scheme || k.engine.is_some_and(Engine::mixes));
                if class != Class::Engine || same_engine {
                    pairs.push(make(
                        "kv",
                        Some(k),
                        Some(v),
                        limit.together(*k_error, *v_error),
                    ));
                }
            }
        }
        fronts.extend(pareto(pairs));
    }
    fronts
}

/// The points that no other beats in both size and error, sorted by size.
fn pareto(mut points: Vec<FrontPoint>) -> Vec<FrontPoint> {
    points.sort_by(|a, b| a.bytes.cmp(&b.bytes).then(a.error.total_cmp(&b.error)));
    let mut least = f64::INFINITY;
    points.retain(|point| {
        let better = point.error < least;
        least = least.min(point.error);
        better
    });
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(scheme: &str, bytes: f64, error: f64) -> Offer {
        Offer {
            scheme: scheme.to_owned(),
            class: Class::Packed,
            engine: None,
            bytes,
            error,
            step: None,
            keeps_tokens: false,
        }
    }

    #[test]
    fn errors_add_up_and_cosines_hold_for_each() {
        let k = [option("fine", 8.0, 0.001), option("coarse", 4.0, 0.01)];
        let v = [option("fine", 8.0, 0.001), option("coarse", 4.0, 0.002)];
        let names = |kind, value| {
            let limit = Limit { kind, value };
            smallest(&k, &v, limit, |_, _| true)
                .map(|(k, v)| (k.scheme.as_str(), v.scheme.as_str()))
        };
        assert_eq!(names(LimitKind::Index, 0.003), Some(("fine", "coarse")));
        assert_eq!(names(LimitKind::Index, 0.0111), Some(("fine", "coarse")));
        assert_eq!(names(LimitKind::Index, 0.0121), Some(("coarse", "coarse")));
        assert_eq!(names(LimitKind::Index, 0.0001), None);
        assert_eq!(names(LimitKind::Cosine, 0.99), Some(("coarse", "coarse")));
        assert_eq!(names(LimitKind::Cosine, 0.998), Some(("fine", "coarse")));
    }

    #[test]
    fn steps_beyond_the_grid_are_offered_until_lossless_takes_fewer_bytes() {
        let point = |scheme: &str, bytes: u64, cosine: f64| Point {
            scheme: scheme.to_owned(),
            class: Class::Stored,
            engine: None,
            flag: None,
            preset: None,
            packed: false,
            tensor: Kv::K,
            sinks: 0,
            recent: 0,
            bytes,
            bits_per_value: 0.0,
            ratio: 0.0,
            errors: crate::metrics::TokenErrors {
                cosine,
                ..Default::default()
            },
            index: 0.0,
            attention_error: None,
            estimated_kl: None,
            layers: 1,
        };
        // Each halving of the step costs the same number of bytes and quarters the error.
        let points = [
            point("tkc:c=0.2", 500, 1.0 - 4e-4),
            point("tkc:c=0.1", 600, 1.0 - 1e-4),
            point("lossless", 850, 1.0),
        ];
        let limit = Limit {
            kind: LimitKind::Cosine,
            value: 0.999,
        };
        let offers = options(&points, Kv::K, limit);
        let at = |step: f64| offers.iter().find(|offer| offer.step == Some(step));
        let finer = at(0.025).unwrap();
        assert!((finer.bytes - 800.0).abs() < 1e-6, "{finer:?}");
        assert!((finer.error / 6.25e-6 - 1.0).abs() < 1e-6, "{finer:?}");
        assert_eq!(at(0.0125), None);
        let largest = offers.iter().filter(|offer| offer.step.is_some());
        assert!(largest.clone().all(|offer| offer.bytes < 850.0));
        assert!(largest.clone().any(|offer| offer.bytes > 840.0));
        // Beyond the coarsest step, the line through the two coarsest continues.
        let coarser = at(0.283).unwrap();
        assert!((coarser.error / 8e-4 - 1.0).abs() < 1e-6, "{coarser:?}");
        let bytes = 600.0 * (5.0f64 / 6.0).powf(1.5);
        assert!((coarser.bytes / bytes - 1.0).abs() < 1e-6, "{coarser:?}");
    }

    #[test]
    fn steps_are_numbers_that_a_user_can_type() {
        assert_eq!(rounded(0.123_456), 0.123);
        assert_eq!(step_of(&coded_name(0.123)), Some(0.123));
        assert_eq!(step_of("q8_0"), None);
    }
}
