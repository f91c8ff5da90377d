//! How far stored values lie from the captured ones, token by token: what a model notices of a changed cache, better than one cosine
//! over everything. Sums of a head's vector are f32 in eight lanes, all others f64.

use crate::numeric::f32x8::{F32x8, LANES};
use crate::tensor::Shape;
use multiversion::multiversion;
use serde::Serialize;

/// The errors of one layer's K or V.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct TokenErrors {
    /// Squared error by squared values, over everything.
    pub nmse: f64,
    /// Cosine of the angle between all values and all restored ones; 0 where either are all zero.
    pub cosine: f64,
    /// Greatest absolute error.
    pub max_abs: f64,
    /// Mean, over the vectors of every token and head, of |x - x'|^2 / |x|^2.
    pub token: f64,
    /// The same of the first token alone, all heads as one vector: the attention sink.
    pub first: f64,
    /// First percentile of the cosines of every token and head.
    pub cosine_p1: f64,
    /// The least of them.
    pub cosine_min: f64,
}

impl TokenErrors {
    /// The part of the index that is this tensor's: token error + 0.1 * first-token error.
    pub fn index(&self) -> f64 {
        self.token + 0.1 * self.first
    }
}

/// Squares below this count as it, so that a vector of zeros divides by something.
const LEAST: f64 = 1e-30;

/// The sums of one vector.
#[derive(Clone, Copy, Default)]
struct Sums {
    error: f64,
    square: f64,
    restored: f64,
    product: f64,
}

/// The errors of `restored` against `values`, both `[seq_len, kv_heads, head_dim]`.
///
/// ```
/// use kvlens::{metrics::token_errors, tensor::Shape};
/// let shape = Shape { seq_len: 2, kv_heads: 1, head_dim: 2 };
/// let errors = token_errors(&[3.0, 4.0, 1.0, 0.0], &[3.0, 4.0, 0.5, 0.0], shape);
/// assert_eq!((errors.first, errors.token, errors.max_abs), (0.0, 0.125, 0.5));
/// ```
///
/// # Panics
/// When either slice is shorter than the shape asks for.
pub fn token_errors(values: &[f32], restored: &[f32], shape: Shape) -> TokenErrors {
    let (dim, heads) = (shape.head_dim.max(1), shape.kv_heads.max(1));
    let vectors = shape.seq_len * shape.kv_heads;
    if vectors == 0 || shape.head_dim == 0 {
        return TokenErrors {
            cosine: 1.0,
            cosine_p1: 1.0,
            cosine_min: 1.0,
            ..TokenErrors::default()
        };
    }
    let mut all = Sums::default();
    let mut first = Sums::default();
    let (mut token, mut max_abs) = (0.0, 0f32);
    let mut cosines = Vec::with_capacity(vectors);
    let pairs = values[..vectors * dim]
        .chunks_exact(dim)
        .zip(restored[..vectors * dim].chunks_exact(dim));
    for (place, (x, y)) in pairs.enumerate() {
        let sums = vector(x, y, &mut max_abs);
        if place < heads {
            first.error += sums.error;
            first.square += sums.square;
        }
        all.error += sums.error;
        all.square += sums.square;
        all.restored += sums.restored;
        all.product += sums.product;
        token += sums.error / sums.square.max(LEAST);
        cosines.push(sums.product / (sums.square * sums.restored).sqrt().max(LEAST));
    }
    let length = (all.square * all.restored).sqrt();
    let (cosine_p1, cosine_min) = percentile(&mut cosines);
    TokenErrors {
        nmse: all.error / all.square.max(LEAST),
        cosine: if length > 0.0 {
            all.product / length
        } else {
            0.0
        },
        max_abs: f64::from(max_abs),
        token: token / vectors as f64,
        first: first.error / first.square.max(LEAST),
        cosine_p1,
        cosine_min,
    }
}

/// The first percentile, between two values in proportion as numpy has it, and the least of values of which there is at least one.
fn percentile(values: &mut [f64]) -> (f64, f64) {
    let place = (values.len() - 1) as f64 * 0.01;
    let (below, part) = (place as usize, place.fract());
    let (least, &mut low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let min = least.iter().copied().fold(low, f64::min);
    let high = above.iter().copied().fold(f64::INFINITY, f64::min);
    let between = if part > 0.0 && high.is_finite() {
        low + (high - low) * part
    } else {
        low
    };
    (between, min)
}

/// The sums of one vector; `max` takes in the greatest difference.
#[multiversion(targets("x86_64+avx2"))]
fn vector(x: &[f32], y: &[f32], max: &mut f32) -> Sums {
    let (lanes_x, rest_x) = x.as_chunks::<LANES>();
    let (lanes_y, rest_y) = y.as_chunks::<LANES>();
    let zero = F32x8::splat(0.0);
    let (mut error, mut square, mut restored, mut product) = (zero, zero, zero, zero);
    let mut most = zero;
    for (x, y) in lanes_x.iter().zip(lanes_y) {
        let (x, y) = (F32x8::of(x), F32x8::of(y));
        let d = x.sub(y);
        error = error.add(d.mul(d));
        square = square.add(x.mul(x));
        restored = restored.add(y.mul(y));
        product = product.add(x.mul(y));
        most = most.or_greater(d.abs());
    }
    let sum = |lanes: F32x8| lanes.values().iter().copied().map(f64::from).sum();
    let mut sums = Sums {
        error: sum(error),
        square: sum(square),
        restored: sum(restored),
        product: sum(product),
    };
    for most in most.values() {
        *max = max.max(most);
    }
    for (&x, &y) in rest_x.iter().zip(rest_y) {
        let (d, x, y) = (f64::from(x - y), f64::from(x), f64::from(y));
        sums.error += d * d;
        sums.square += x * x;
        sums.restored += y * y;
        sums.product += x * y;
        *max = max.max(d.abs() as f32);
    }
    sums
}
