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

/// Vectors whose sums are made at a time.
const AT_ONCE: usize = 32;

/// The sums of one vector, before its lanes are added up, and of what no vector of lanes holds.
#[derive(Clone, Copy, Default)]
struct Lanes {
    lanes: [[f32; LANES]; 4],
    rest: Sums,
}

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
    let mut token = 0.0;
    let mut most = [0.0; LANES];
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
                &mut most,
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
        max_abs: most.into_iter().fold(0f32, f32::max).into(),
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

/// The sums of vectors of `dim` values; `most` takes in the greatest differences.
#[multiversion(targets("x86_64+avx2"))]
fn sum(x: &[f32], y: &[f32], dim: usize, out: &mut [Lanes; AT_ONCE], most: &mut [f32; LANES]) {
    for (place, lanes) in out.iter_mut().enumerate().take(x.len() / dim) {
        let range = place * dim..(place + 1) * dim;
        vector(&x[range.clone()], &y[range], lanes, most);
    }
}

/// The sums of one vector.
#[inline(always)]
fn vector(x: &[f32], y: &[f32], out: &mut Lanes, greatest: &mut [f32; LANES]) {
    let (lanes_x, rest_x) = x.as_chunks::<LANES>();
    let (lanes_y, rest_y) = y.as_chunks::<LANES>();
    let zero = F32x8::splat(0.0);
    let (mut error, mut square, mut restored, mut product) = (zero, zero, zero, zero);
    let mut most = F32x8::of(greatest);
    for place in 0..lanes_x.len() {
        let (x, y) = (F32x8::of(&lanes_x[place]), F32x8::of(&lanes_y[place]));
        let d = x.sub(y);
        error = error.add(d.mul(d));
        square = square.add(x.mul(x));
        restored = restored.add(y.mul(y));
        product = product.add(x.mul(y));
        most = most.or_greater(d.abs());
    }
    *greatest = most.values();
    out.lanes = [error, square, restored, product].map(F32x8::values);
    out.rest = Sums::default();
    for place in 0..rest_x.len() {
        let (x, y) = (rest_x[place], rest_y[place]);
        let d = f64::from(x - y);
        out.rest.error += d * d;
        out.rest.square += f64::from(x) * f64::from(x);
        out.rest.restored += f64::from(y) * f64::from(y);
        out.rest.product += f64::from(x) * f64::from(y);
        greatest[0] = greatest[0].max(d.abs() as f32);
    }
}

impl Lanes {
    /// Added up, where LLVM does not see the loop over values: it would shuffle lanes there for the sake of these few sums.
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
