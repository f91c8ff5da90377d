//! Errors of stored values against the captured ones, token by token: a better measure of what a model notices of a
//! changed cache than one cosine over everything. Sums over a head's vector are f32 in eight lanes, all others f64.

use crate::numeric::f32x8::{F32x8, LANES};
use crate::tensor::Shape;
use multiversion::multiversion;
use serde::Serialize;

/// Errors of one layer's K or V.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct TokenErrors {
    /// Normalized mean square error: sum of squared errors divided by the sum of squares, over all values.
    pub nmse: f64,
    /// Cosine of the angle between all captured and all restored values; 1 where they are equal, also if they are all zero, and else 0 if
    /// either are all zero.
    pub cosine: f64,
    /// Largest absolute error.
    pub max_abs: f64,
    /// Mean of |x - x'|^2 / |x|^2 over the vectors x of every token and head.
    pub token: f64,
    /// |x - x'|^2 / |x|^2 of the first token (the attention sink), with all heads as one vector.
    pub first: f64,
    /// First percentile of the cosines of every token and head.
    pub cosine_p1: f64,
    /// Smallest cosine of any token and head.
    pub cosine_min: f64,
}

impl TokenErrors {
    /// The tensor's contribution to the error index: `token + 0.1 * first`.
    pub fn index(&self) -> f64 {
        self.token + 0.1 * self.first
    }
}

/// Lower bound for divisors, so that a vector of zeros does not divide by zero.
const MIN_SQUARE: f64 = 1e-30;

/// Number of vectors that are summed at a time.
const AT_ONCE: usize = 32;

/// Sums of one vector before its lanes are added up, and the sums of the values that do not fill eight lanes.
#[derive(Clone, Copy, Default)]
struct Lanes {
    lanes: [[f32; LANES]; 4],
    rest: Sums,
}

/// Sums of one vector.
#[derive(Clone, Copy, Default)]
struct Sums {
    error: f64,
    square: f64,
    restored: f64,
    product: f64,
}

impl Sums {
    /// Cosine of the angle; 1 without an error, also between zeros, which have no angle.
    fn cosine(&self) -> f64 {
        if self.error == 0.0 {
            return 1.0;
        }
        self.product / (self.square * self.restored).sqrt().max(MIN_SQUARE)
    }
}

/// Computes the errors of `restored` against `values`, both `[seq_len, kv_heads, head_dim]`.
///
/// ```
/// use kvlens::{metrics::token_errors, tensor::Shape};
/// let shape = Shape { seq_len: 2, kv_heads: 1, head_dim: 2 };
/// let errors = token_errors(&[3.0, 4.0, 1.0, 0.0], &[3.0, 4.0, 0.5, 0.0], shape);
/// assert_eq!((errors.first, errors.token, errors.max_abs), (0.0, 0.125, 0.5));
/// ```
///
/// # Panics
/// When either slice is shorter than the shape requires.
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
    let mut token = 0.0;
    let mut max = [0.0; LANES];
    let mut cosines = Vec::with_capacity(vectors);
    let (values, restored) = (&values[..vectors * dim], &restored[..vectors * dim]);
    let mut some = [Lanes::default(); AT_ONCE];
    for place in 0..vectors {
        if place % AT_ONCE == 0 {
            let range = place * dim..((place + AT_ONCE) * dim).min(vectors * dim);
            sum(
                &values[range.clone()],
                &restored[range],
                dim,
                &mut some,
                &mut max,
            );
        }
        let sums = some[place % AT_ONCE].sums();
        if place < heads {
            first.error += sums.error;
            first.square += sums.square;
        }
        all.error += sums.error;
        all.square += sums.square;
        all.restored += sums.restored;
        all.product += sums.product;
        token += sums.error / sums.square.max(MIN_SQUARE);
        cosines.push(sums.cosine());
    }
    let (cosine_p1, cosine_min) = percentile(&mut cosines);
    TokenErrors {
        nmse: all.error / all.square.max(MIN_SQUARE),
        cosine: all.cosine(),
        max_abs: max.into_iter().fold(0f32, f32::max).into(),
        token: token / vectors as f64,
        first: first.error / first.square.max(MIN_SQUARE),
        cosine_p1,
        cosine_min,
    }
}

/// First percentile, interpolated linearly as in numpy, and minimum of a non-empty list.
fn percentile(values: &mut [f64]) -> (f64, f64) {
    let rank = (values.len() - 1) as f64 * 0.01;
    let (below, part) = (rank as usize, rank.fract());
    let (lower, &mut low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let min = lower.iter().copied().fold(low, f64::min);
    let high = above.iter().copied().fold(f64::INFINITY, f64::min);
    let between = if part > 0.0 && high.is_finite() {
        low + (high - low) * part
    } else {
        low
    };
    (between, min)
}

/// Sums of vectors of `dim` values; `max` is raised to the largest absolute differences.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn sum(x: &[f32], y: &[f32], dim: usize, out: &mut [Lanes; AT_ONCE], max: &mut [f32; LANES]) {
    for (place, lanes) in out.iter_mut().enumerate().take(x.len() / dim) {
        let range = place * dim..(place + 1) * dim;
        vector(&x[range.clone()], &y[range], lanes, max);
    }
}

/// Sums of one vector.
#[inline(always)]
fn vector(x: &[f32], y: &[f32], out: &mut Lanes, max: &mut [f32; LANES]) {
    let (lanes_x, rest_x) = x.as_chunks::<LANES>();
    let (lanes_y, rest_y) = y.as_chunks::<LANES>();
    let zero = F32x8::splat(0.0);
    let (mut error, mut square, mut restored, mut product) = (zero, zero, zero, zero);
    let mut largest = F32x8::of(max);
    for place in 0..lanes_x.len() {
        let (x, y) = (F32x8::of(&lanes_x[place]), F32x8::of(&lanes_y[place]));
        let d = x.sub(y);
        error = error.add(d.mul(d));
        square = square.add(x.mul(x));
        restored = restored.add(y.mul(y));
        product = product.add(x.mul(y));
        largest = largest.or_greater(d.abs());
    }
    *max = largest.values();
    out.lanes = [error, square, restored, product].map(F32x8::values);
    out.rest = Sums::default();
    for place in 0..rest_x.len() {
        let (x, y) = (rest_x[place], rest_y[place]);
        let d = f64::from(x - y);
        out.rest.error += d * d;
        out.rest.square += f64::from(x) * f64::from(x);
        out.rest.restored += f64::from(y) * f64::from(y);
        out.rest.product += f64::from(x) * f64::from(y);
        max[0] = max[0].max(d.abs() as f32);
    }
}

impl Lanes {
    /// Adds up the lanes. Outside of the loop over values: LLVM would shuffle lanes there for the sake of these few
    /// sums.
    #[inline(never)]
    fn sums(&self) -> Sums {
        let total = |lanes: &[f32; LANES], rest: f64| {
            let sum: f64 = lanes.iter().copied().map(f64::from).sum();
            sum + rest
        };
        let [error, square, restored, product] = &self.lanes;
        Sums {
            error: total(error, self.rest.error),
            square: total(square, self.rest.square),
            restored: total(restored, self.rest.restored),
            product: total(product, self.rest.product),
        }
    }
}
