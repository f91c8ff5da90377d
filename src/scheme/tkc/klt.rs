//! The basis in which the channels of a tensor do not correlate (Karhunen-Loève transform), as it is stored: every vector as integers
//! of five bits with a scale in f16. Encoder and decoder both make the stored one orthonormal again and use that.

use multiversion::multiversion;

use super::eigen::eigenvectors;
use super::matrix::{Product, add_scaled, dot, multiply, squares};
use crate::tensor::{f16_to_f32, f32_to_f16};

/// The greatest integer of a stored vector: 5 bits with the sign.
pub(super) const MAX_CODE: i32 = 15;

/// A basis as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredBasis {
    /// Vectors, and channels of each.
    pub size: usize,
    /// f16 of each vector: what its integers are multiplied with.
    pub scales: Vec<u16>,
    /// `[vector][channel]`, -15 to 15.
    pub codes: Vec<i8>,
}

/// A basis as it is used.
#[derive(Clone, Debug)]
pub(super) struct Basis {
    size: usize,
    /// `[channel][vector]`: forth.
    forth: Vec<f32>,
    /// `[vector][channel]`: back.
    back: Vec<f32>,
}

impl StoredBasis {
    /// The basis of the channels `first..first + size` of `rows` of `stride` values.
    pub fn of(rows: &[f32], stride: usize, first: usize, size: usize) -> Self {
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
        let (_, vectors) = eigenvectors(covariance, size);
        Self::quantized(&vectors, size)
    }

    /// A basis that is still to be read.
    pub fn zero(size: usize) -> Self {
        Self {
            size,
            scales: vec![0; size],
            codes: vec![0; size * size],
        }
    }

    /// About the bits that it takes.
    pub fn estimate(&self) -> f64 {
        let mut counts = [0.0f64; 2 * MAX_CODE as usize + 1];
        for code in &self.codes {
            counts[(i32::from(*code) + MAX_CODE) as usize] += 1.0;
        }
        let all = self.codes.len() as f64;
        let bits = |count: &f64| -count * libm::log2((count / all).max(f64::MIN_POSITIVE));
        counts.iter().map(bits).sum::<f64>() + 16.0 * self.size as f64
    }

    fn quantized(vectors: &[f64], size: usize) -> Self {
        let (mut scales, mut codes) = (Vec::new(), Vec::new());
        for vector in vectors.chunks_exact(size) {
            let greatest = vector
                .iter()
                .fold(0.0f64, |max, value| max.max(value.abs()));
            let scale = f32_to_f16((greatest / f64::from(MAX_CODE)) as f32);
            let step = f64::from(f16_to_f32(scale));
            let code = |value: &f64| {
                let code = if step > 0.0 {
                    (value / step).round_ties_even()
                } else {
                    0.0
                };
                (code as i32).clamp(-MAX_CODE, MAX_CODE) as i8
            };
            scales.push(scale);
            codes.extend(vector.iter().map(code));
        }
        Self {
            size,
            scales,
            codes,
        }
    }

    /// The orthonormal basis next to the stored one, by Gram and Schmidt's method. A vector that lies in the span of those before it
    /// gives way to the channel that is farthest from that span.
    pub fn orthonormal(&self) -> Basis {
        let size = self.size;
        let scaled = self.codes.chunks_exact(size).zip(&self.scales);
        let mut vectors: Vec<f64> = scaled
            .flat_map(|(codes, &scale)| {
                let scale = f64::from(f16_to_f32(scale));
                let scale = if scale.is_finite() { scale } else { 0.0 };
                codes.iter().map(move |&code| f64::from(code) * scale)
            })
            .collect();
        gram_schmidt(&mut vectors, size);
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

#[multiversion(targets("x86_64+avx2"))]
fn gram_schmidt(vectors: &mut [f64], size: usize) {
    for i in 0..size {
        let (earlier, rest) = vectors.split_at_mut(i * size);
        let (this, later) = rest.split_at_mut(size);
        let mut norm = dot(this, this).sqrt();
        if norm.is_nan() || norm < 1e-6 {
            outside(earlier, this);
            norm = dot(this, this).sqrt();
        }
        let factor = 1.0 / norm;
        this.iter_mut().for_each(|value| *value *= factor);
        for other in later.chunks_exact_mut(size) {
            let shared = dot(this, other);
            add_scaled(other, -shared, this);
        }
    }
}

/// Makes `vector` what is left of the channel that is farthest from the span of orthonormal vectors.
fn outside(span: &[f64], vector: &mut [f64]) {
    let size = vector.len();
    let inside = |channel: usize| {
        let shares = span
            .chunks_exact(size)
            .map(|vector| vector[channel] * vector[channel]);
        shares.sum::<f64>()
    };
    let shares: Vec<f64> = (0..size).map(inside).collect();
    let farthest = (0..size).fold(0, |best, next| {
        if shares[next] < shares[best] {
            next
        } else {
            best
        }
    });
    vector.fill(0.0);
    vector[farthest] = 1.0;
    for other in span.chunks_exact(size) {
        let shared = other[farthest];
        add_scaled(vector, -shared, other);
    }
}

impl Basis {
    /// The coefficients of rows of `stride` values, from channel `first` on.
    pub fn forth(&self, rows: &[f32], stride: usize, first: usize, out: &mut [f32]) {
        multiply(self.product(stride, first), rows, &self.forth, out);
    }

    /// The values of such coefficients.
    pub fn back(&self, rows: &[f32], stride: usize, first: usize, out: &mut [f32]) {
        multiply(self.product(stride, first), rows, &self.back, out);
    }

    fn product(&self, stride: usize, first: usize) -> Product {
        Product {
            stride,
            first,
            size: self.size,
        }
    }
}
