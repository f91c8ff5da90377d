//! The basis in which a tensor's channels are not correlated (Karhunen-Loève transform), and how it is stored.
//!
//! A vector orthogonal to those before it has only as many free values as channels are left. So each vector is stored after applying the
//! Householder reflections that map the vectors before it to the first channels, as integers in a unit of its own. Whatever the integers
//! are, the reflections give an orthonormal basis.

use multiversion::multiversion;

use super::eigen::eigenvectors;
use super::matrix::{Product, add_scaled, dot, multiply, squares};

/// Largest magnitude of a stored integer.
pub(super) const MAX_CODE: i32 = 1 << 12;

/// Precision of a stored basis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fineness {
    /// Five bits with the sign: the largest value of each vector is stored as 15.
    FiveBits,
    /// As precise as codes at this step require: finely where a small rotation costs many bits of codes, coarsely where it costs few.
    ForStep(f64),
}

/// Largest magnitude of a five-bit integer.
const FIVE_BITS: f64 = 15.0;

/// Number of values up to which bases may be larger than the tensor.
const SMALL: usize = 1 << 20;

/// Whether bases of `size` channels each may be stored for a tensor of so many values in tokens of `channels`: small ones always, others only
/// where they are not larger than the tensor. So no file makes a decoder take much more memory than its values need.
pub(super) fn is_reasonable(size: usize, channels: usize, values: usize) -> bool {
    size.saturating_mul(channels) <= values.max(SMALL)
}

/// A basis as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredBasis {
    /// Number of channels.
    pub size: usize,
    /// The first vectors, in order of falling variance; vector i has `size - i` integers.
    pub vectors: Vec<Vec<i32>>,
}

/// A basis in usable form.
#[derive(Clone, Debug)]
pub(super) struct Basis {
    size: usize,
    /// `[channel][vector]`, for the forward transform.
    forth: Vec<f32>,
    /// `[vector][channel]`, for the inverse transform.
    back: Vec<f32>,
}

impl StoredBasis {
    /// The basis of the channels `first..first + size` of rows of `stride` values.
    pub fn of(
        rows: &[f32],
        (stride, first, size): (usize, usize, usize),
        fineness: Fineness,
    ) -> Self {
        let product = Product {
            stride,
            first,
            size,
        };
        let mut covariance = squares(product, rows);
        let count = (rows.len() / stride).max(1) as f64;
        let mut means = vec![0.0f64; size];
        for row in rows.chunks_exact(stride) {
            for (mean, value) in means.iter_mut().zip(&row[first..]) {
                *mean += f64::from(*value);
            }
        }
        means.iter_mut().for_each(|mean| *mean /= count);
        for (row, a) in covariance.chunks_exact_mut(size).zip(&means) {
            for (value, b) in row.iter_mut().zip(&means) {
                *value = *value / count - a * b;
            }
        }
        let (variances, mut vectors) = eigenvectors(covariance, size);
        let units = match fineness {
            Fineness::FiveBits => None,
            Fineness::ForStep(step) => Some(units(&variances, count, step)),
        };
        Self {
            size,
            vectors: quantized(&mut vectors, size, units.as_deref()),
        }
    }

    /// An empty basis, for a decoder to fill in.
    pub fn unread(size: usize) -> Self {
        Self {
            size,
            vectors: Vec::new(),
        }
    }

    /// Approximate number of bits that it is stored in.
    pub fn estimate(&self) -> f64 {
        let bits = |vector: &Vec<i32>| {
            let square: f64 = vector.iter().map(|&code| f64::from(code * code)).sum();
            vector.len() as f64 * bits_of_variance(square / vector.len() as f64)
        };
        self.vectors.iter().map(bits).sum()
    }

    /// The orthonormal basis that the integers define; zeros for vectors that are not stored.
    pub fn orthonormal(&self) -> Basis {
        let size = self.size;
        let mut vectors = vec![0.0; size * size];
        unreflect(&self.vectors, &mut vectors, size);
        let back: Vec<f32> = vectors.iter().map(|&value| value as f32).collect();
        let mut forth = vec![0.0; size * size];
        for vector in 0..size {
            for channel in 0..size {
                forth[channel * size + vector] = back[vector * size + channel];
            }
        }
        Basis { size, forth, back }
    }
}

/// Approximate number of bits of a normally distributed value of this variance, rounded to integers.
pub(super) fn bits_of_variance(variance: f64) -> f64 {
    // 17.08 is 2 pi e: for a large variance this is the entropy of a normal value in steps of 1, for a small one it goes to 0.
    0.5 * libm::log2(1.0 + 17.08 * variance)
}

/// The units of the vectors' integers. A small rotation between two vectors moves some of the larger variance to the smaller one, which
/// costs bits in all codes. A unit is best where its squared error costs as much as its logarithm saves.
fn units(variances: &[f64], count: f64, step: f64) -> Vec<f64> {
    // The derivative of the bits with respect to the variance, up to a constant factor.
    let floor = step * step / 17.08;
    let slope = |variance: f64| 1.0 / (variance.max(0.0) + floor);
    let unit = |place: usize| {
        let this = variances[place];
        let costs = variances[place + 1..]
            .iter()
            .map(|&other| (this - other).max(0.0) * (slope(other) - slope(this)));
        let cost: f64 = costs.sum();
        let left = (variances.len() - place) as f64;
        (12.0 * left / (count * cost).max(1e-9))
            .sqrt()
            .clamp(1.0 / f64::from(MAX_CODE), 4.0)
    };
    (0..variances.len()).map(unit).collect()
}

/// The reflection that maps the vector of `codes` to the first channel, and back: `x - factor (w x) w`. If all codes are zero, it is the
/// identity.
#[inline(always)]
fn reflection(codes: &[i32], w: &mut [f64]) -> f64 {
    for (w, code) in w.iter_mut().zip(codes) {
        *w = f64::from(*code);
    }
    let norm = dot(w, w).sqrt();
    if norm == 0.0 {
        return 0.0;
    }
    w.iter_mut().for_each(|w| *w /= norm);
    w[0] += if w[0] < 0.0 { -1.0 } else { 1.0 };
    2.0 / dot(w, w)
}

/// The integers of orthonormal `vectors`, which are overwritten.
#[multiversion(targets("x86_64+avx2"))]
fn quantized(vectors: &mut [f64], size: usize, units: Option<&[f64]>) -> Vec<Vec<i32>> {
    let mut all = Vec::with_capacity(size);
    let mut w = vec![0.0; size];
    for place in 0..size {
        let (this, later) = vectors[place * size..].split_at_mut(size);
        let this = &this[place..];
        let greatest = this.iter().fold(1e-9f64, |max, value| max.max(value.abs()));
        let unit = units.map_or(greatest / FIVE_BITS, |units| units[place]);
        let codes: Vec<i32> = this
            .iter()
            .map(|value| ((value / unit).round_ties_even() as i32).clamp(-MAX_CODE, MAX_CODE))
            .collect();
        let w = &mut w[place..];
        let factor = reflection(&codes, w);
        for other in later.chunks_exact_mut(size) {
            let shared = factor * dot(w, &other[place..]);
            add_scaled(&mut other[place..], -shared, w);
        }
        all.push(codes);
    }
    all
}

/// The vectors that the integers define, as rows of `out`.
#[multiversion(targets("x86_64+avx2"))]
fn unreflect(codes: &[Vec<i32>], out: &mut [f64], size: usize) {
    (0..codes.len()).for_each(|place| out[place * size + place] = 1.0);
    let mut w = vec![0.0; size];
    for (place, codes) in codes.iter().enumerate().rev() {
        let w = &mut w[place..];
        let factor = reflection(codes, w);
        for vector in out[place * size..].chunks_exact_mut(size) {
            let shared = factor * dot(w, &vector[place..]);
            add_scaled(&mut vector[place..], -shared, w);
        }
    }
}

impl Basis {
    /// The coefficients of rows of `stride` values, from channel `first` on.
    pub fn forth(&self, rows: &[f32], stride: usize, first: usize, out: &mut [f32]) {
        let product = self.product(stride, first);
        multiply(product, self.size, rows, &self.forth, out);
    }

    /// The values of such coefficients; in each row, all after the first `used` are zero.
    pub fn back(&self, rows: &[f32], stride: usize, first: usize, used: usize, out: &mut [f32]) {
        multiply(self.product(stride, first), used, rows, &self.back, out);
    }

    fn product(&self, stride: usize, first: usize) -> Product {
        Product {
            stride,
            first,
            size: self.size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(basis: &Basis) -> Vec<Vec<f64>> {
        let rows = basis.back.chunks_exact(basis.size);
        rows.map(|row| row.iter().map(|&value| value.into()).collect())
            .collect()
    }

    #[test]
    fn any_integers_give_an_orthonormal_basis_and_fewer_vectors_the_first_of_it() {
        let size = 21;
        let code = |i: usize| (i * i * 7919 % 41) as i32 - 20;
        let mut vectors: Vec<Vec<i32>> = (0..size)
            .map(|i| (i..size).map(|j| code(i * size + j)).collect())
            .collect();
        vectors[4].fill(0);
        let all = StoredBasis { size, vectors };
        let basis = rows(&all.orthonormal());
        for (i, a) in basis.iter().enumerate() {
            for (j, b) in basis.iter().enumerate() {
                let expected = f64::from(u8::from(i == j));
                assert!((dot(a, b) - expected).abs() < 1e-6, "{i} {j}");
            }
        }
        let mut some = all.clone();
        some.vectors.truncate(9);
        assert_eq!(rows(&some.orthonormal())[..9], basis[..9]);
        assert!(
            rows(&some.orthonormal())[9..]
                .concat()
                .iter()
                .all(|&value| value == 0.0)
        );
    }

    #[test]
    fn a_stored_basis_parts_channels_that_go_together() {
        let (size, count) = (4, 400);
        let wave = |token: usize, speed: usize| ((token * speed) % 101) as f32 / 50.5 - 1.0;
        let values: Vec<f32> = (0..count)
            .flat_map(|token| {
                let (a, b) = (wave(token, 37), 0.05 * wave(token, 11));
                [a + b, a - b, 0.5 * a, b]
            })
            .collect();
        for fineness in [Fineness::FiveBits, Fineness::ForStep(0.01)] {
            let basis = StoredBasis::of(&values, (size, 0, size), fineness).orthonormal();
            let mut turned = vec![0.0; values.len()];
            basis.forth(&values, size, 0, &mut turned);
            let energy = |place: usize| -> f32 {
                let column = turned.iter().skip(place).step_by(size);
                column.map(|value| value * value).sum()
            };
            let rest: f32 = (1..size).map(energy).sum();
            assert!(rest < 0.01 * energy(0), "{fineness:?}: {rest}");
            let mut back = vec![0.0; values.len()];
            basis.back(&turned, size, 0, size, &mut back);
            let far = values.iter().zip(&back).map(|(a, b)| (a - b).abs());
            assert!(far.fold(0.0, f32::max) < 1e-5);
        }
    }
}
