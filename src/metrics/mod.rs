//! Errors of restored values against the original ones, summed as numpy does: the figures equal those of the Python
//! reference bit for bit, except for the cosine, whose order of additions depends on the machine's BLAS (here:
//! OpenBLAS's AVX2 kernel).

mod attention;
mod cosine_text;
mod dot;
mod nearest;
mod token;

pub use attention::{Attention, Cache, Changed, OutputErrors, Queries, Unused};
pub use cosine_text::cosine_text;
pub use token::{TokenErrors, token_errors};

use crate::numeric::f32x8::F32x8;
use crate::numeric::pairwise_sum::{self, mean};
use crate::tensor::Tensor;
use dot::Dot;
use multiversion::multiversion;
use nearest::Nearest;
use serde::{Deserialize, Serialize};

/// Errors of restored values against the original ones, over one tensor. All are f32 values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Errors {
    /// Mean absolute error.
    pub mae: f64,
    /// Root of the mean square error.
    pub rmse: f64,
    /// Largest absolute error.
    pub max_abs: f64,
    /// Cosine of the angle between original and restored values; 0 if either is all zero.
    pub cosine: f64,
    /// Root mean square of the original values, the scale to judge the absolute errors by.
    pub value_rms: f64,
}

/// Several restored versions of the same original tensor, whose values are made piece by piece.
pub trait Restored {
    /// Number of versions.
    fn ways(&self) -> usize;

    /// Makes the values from index `start` on, as many as `out` holds, for each version in turn: writes them to `out`
    /// and calls `done` with the version's index.
    fn make(&mut self, start: usize, out: &mut [f32], done: impl FnMut(usize, &[f32]));
}

/// One version per tensor.
impl Restored for &[&Tensor] {
    fn ways(&self) -> usize {
        self.len()
    }

    fn make(&mut self, start: usize, out: &mut [f32], mut done: impl FnMut(usize, &[f32])) {
        for (way, tensor) in self.iter().enumerate() {
            tensor.read_values(start, out);
            done(way, out);
        }
    }
}

/// Number of values that are made and measured at a time: three such buffers fit in the L1 cache.
const TILE: usize = 1024;

/// Errors of each restored version against the values of `original`, which are read once. The result has one entry per
/// version.
///
/// ```
/// use kvlens::{lossy::quantize, metrics::errors};
/// # use kvlens::tensor::{Dtype, Shape, Tensor};
/// let shape = Shape { seq_len: 64, kv_heads: 1, head_dim: 16 };
/// let values = (0..1024).map(|i| (i as f32 * 0.1).sin());
/// let tensor = Tensor::new(Dtype::F32, shape, values.flat_map(f32::to_le_bytes).collect())?;
/// let (coarse, fine) = (quantize(&tensor, 4), quantize(&tensor, 8));
/// let [coarse, fine] = errors(&tensor, [&coarse, &fine].as_slice())[..] else { unreachable!() };
/// assert!(fine.mae < coarse.mae && fine.cosine > 0.9999);
/// # Ok::<(), kvlens::tensor::TensorError>(())
/// ```
pub fn errors(original: &Tensor, restored: impl Restored) -> Vec<Errors> {
    let figures = figures(original, restored, None);
    figures.into_iter().map(|(errors, _)| errors).collect()
}

/// Errors of values whose mantissas are cut to `bits` bits ([`truncate`](crate::lossy::truncate)), and the mean absolute error if they were
/// rounded to nearest instead ([`round_mantissa`](crate::lossy::round_mantissa)).
///
/// ```
/// use kvlens::{lossy::truncate, metrics::errors_of_cut};
/// # use kvlens::tensor::{Dtype, Shape, Tensor};
/// let shape = Shape { seq_len: 1, kv_heads: 1, head_dim: 1 };
/// let tensor = Tensor::new(Dtype::F32, shape, 1.875f32.to_le_bytes().to_vec())?;
/// let (errors, rounded) = errors_of_cut(&tensor, &truncate(&tensor, 1), 1);
/// assert_eq!((errors.mae, rounded), (0.375, 0.125)); // 1.5, or 2
/// # Ok::<(), kvlens::tensor::TensorError>(())
/// ```
pub fn errors_of_cut(original: &Tensor, cut: &Tensor, bits: u32) -> (Errors, f64) {
    let nearest = Nearest::new(original.dtype(), bits);
    let figures = figures(original, [cut].as_slice(), Some(nearest));
    figures.first().copied().unwrap_or_default()
}

/// Errors of each restored version. If the versions are cut values (with `nearest`), also the mean absolute error if they were rounded.
fn figures(
    original: &Tensor,
    restored: impl Restored,
    nearest: Option<Nearest>,
) -> Vec<(Errors, f64)> {
    let (len, ways) = (original.len(), restored.ways());
    if len == 0 {
        return vec![Default::default(); ways];
    }
    let (a, b, c) = ([0.0; TILE], [0.0; TILE], [0.0; TILE]);
    let mut pass = Pass {
        original,
        restored,
        nearest,
        len,
        a,
        b,
        c,
        square: Dot::default(),
        states: vec![State::default(); ways],
    };
    let sums = pass.node(0, len);
    let norm = pass.square.finish().sqrt();
    let figure = |(state, sums): (&State, Sums)| {
        let mean = |sum: f32| mean(sum, len);
        let denominator = norm * state.square.finish().sqrt();
        let cosine = if denominator > 0.0 {
            state.product.finish() / denominator
        } else {
            0.0
        };
        let errors = Errors {
            mae: f64::from(mean(sums.abs)),
            rmse: f64::from(mean(sums.square).sqrt()),
            max_abs: f64::from(if sums.abs.is_nan() {
                f32::NAN
            } else {
                state.max
            }),
            cosine: f64::from(cosine),
            value_rms: f64::from(norm) / (len as f64).sqrt(),
        };
        (errors, f64::from(mean(sums.rounded)))
    };
    pass.states.iter().zip(sums).map(figure).collect()
}

/// Sums over a part of the differences.
#[derive(Clone, Copy)]
struct Sums {
    abs: f32,
    square: f32,
    /// Magnitudes of the errors of rounding; 0 if they are not asked for.
    rounded: f32,
}

/// Running state for one restored version.
#[derive(Clone, Default)]
struct State {
    product: Dot,
    square: Dot,
    max: f32,
}

/// One pass over the original values, with the running sums of every restored version.
struct Pass<'a, R> {
    original: &'a Tensor,
    restored: R,
    nearest: Option<Nearest>,
    len: usize,
    a: [f32; TILE],
    b: [f32; TILE],
    c: [f32; TILE],
    square: Dot,
    states: Vec<State>,
}

impl<R: Restored> Pass<'_, R> {
    /// For each version, the sums over the `len` differences from `start` on: a node in the tree of the pairwise sum.
    fn node(&mut self, start: usize, len: usize) -> Vec<Sums> {
        if len > TILE {
            let half = pairwise_sum::half(len);
            let mut sums = self.node(start, half);
            for (sums, right) in sums.iter_mut().zip(self.node(start + half, len - half)) {
                sums.abs += right.abs;
                sums.square += right.square;
                sums.rounded += right.rounded;
            }
            return sums;
        }
        let (a, b) = (&mut self.a[..len], &mut self.b[..len]);
        self.original.read_values(start, a);
        self.square.add(a, a, start, self.len);
        let mut sums = Vec::with_capacity(self.states.len());
        let (states, len, nearest) = (&mut self.states, self.len, self.nearest);
        let c = &mut self.c[..a.len()];
        self.restored.make(start, b, |way, b| {
            let state = &mut states[way];
            state.product.add(a, b, start, len);
            state.square.add(b, b, start, len);
            sums.push(Sums {
                rounded: nearest.map_or(0.0, |nearest| {
                    nearest.errors(a, b, c);
                    pairwise_sum::pairwise_sum(c, |error| error)
                }),
                ..tile(a, b, &mut state.max)
            });
        });
        sums
    }
}

/// The sums over a whole tile's differences; `max` is raised to the largest absolute one.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn tile(a: &[f32], b: &[f32], max: &mut f32) -> Sums {
    if a.len() > pairwise_sum::LEAF {
        let half = pairwise_sum::half(a.len());
        let (left, right) = (
            tile(&a[..half], &b[..half], max),
            tile(&a[half..], &b[half..], max),
        );
        return Sums {
            abs: left.abs + right.abs,
            square: left.square + right.square,
            rounded: 0.0,
        };
    }
    let (lanes_a, rest_a) = a.as_chunks();
    let (lanes_b, rest_b) = b.as_chunks();
    let mut sums = Sums {
        abs: -0.0,
        square: -0.0,
        rounded: 0.0,
    };
    if !lanes_a.is_empty() {
        let (mut abs, mut square) = (F32x8::splat(-0.0), F32x8::splat(-0.0));
        let mut largest = F32x8::splat(0.0);
        for (a, b) in lanes_a.iter().zip(lanes_b) {
            let d = F32x8::of(a).sub(F32x8::of(b));
            abs = abs.add(d.abs());
            square = square.add(d.mul(d));
            largest = largest.or_greater(d.abs());
        }
        sums = Sums {
            abs: pairwise_sum::fold(abs.values()),
            square: pairwise_sum::fold(square.values()),
            rounded: 0.0,
        };
        for largest in largest.values() {
            *max = if *max < largest { largest } else { *max };
        }
    }
    for (a, b) in rest_a.iter().zip(rest_b) {
        let d = a - b;
        sums.abs += d.abs();
        sums.square += d * d;
        *max = max.max(d.abs());
    }
    sums
}
