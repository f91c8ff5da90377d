//! The transforms that `tkc` applies to values before rounding, and their inverses: rotary embedding, token norms, channel means, and a
//! basis in which channels are not correlated.

use multiversion::multiversion;

use super::klt::{self, Basis, Fineness, StoredBasis, bits_of_variance};
use super::rope::{Rope, Turns};
use crate::tensor::{Element, Shape, f16_to_f32, f32_to_f16};
use std::ops::Range;

/// Quantization steps of a token's norm in an octave.
const NORM_STEPS: i32 = 8;

/// Smallest norm of a token; smaller ones are stored as this.
const MIN_NORM: f64 = 1e-6;

/// Largest number of values in a token for which a basis across all heads is considered.
pub(super) const MAX_ACROSS: usize = 256;

/// Largest absolute exponent of a stored norm: beyond what f32 values can have.
pub(super) const MAX_EXPONENT: i32 = 140 * NORM_STEPS;

/// Which channels share a basis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Klt {
    /// No basis: channels are coded as they are.
    None,
    /// The channels of each head have a basis.
    PerHead,
    /// All channels have one basis.
    AcrossHeads,
}

impl Klt {
    /// Number of channels in each part of a token that has a basis.
    pub(super) fn part(self, shape: Shape) -> Option<usize> {
        match self {
            Self::None => None,
            Self::PerHead => Some(shape.head_dim),
            Self::AcrossHeads => Some(shape.token_elements()),
        }
    }
}

/// Transforms before rounding; each is optional.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Steps {
    /// The rotary embedding to undo; absent for V, and for keys without one.
    pub rope: Option<Rope>,
    /// Whether tokens are divided by their norm.
    pub token_norm: bool,
    /// Whether channel means are subtracted.
    pub mean: bool,
}

/// Side information of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Side {
    /// Exponent of each token's norm, 2^(exponent / 8); empty if tokens are not normalised.
    pub exponents: Vec<i32>,
    /// Mean of each channel as fp16; empty if means are not subtracted.
    pub means: Vec<u16>,
    /// Basis of each part of a token.
    pub bases: Vec<StoredBasis>,
}

/// 2^(exponent / 8), from exact powers of two and eight constants.
pub(super) fn norm(exponent: i32) -> f64 {
    const EIGHTHS: [f64; NORM_STEPS as usize] = [
        1.0,
        1.0905077326652577,
        1.189207115002721,
        1.2968395546510096,
        std::f64::consts::SQRT_2,
        1.5422108254079407,
        1.681792830507429,
        1.8340080864093424,
    ];
    let exponent = exponent.clamp(-MAX_EXPONENT, MAX_EXPONENT);
    let eighth = EIGHTHS[exponent.rem_euclid(NORM_STEPS) as usize];
    libm::ldexp(eighth, exponent.div_euclid(NORM_STEPS))
}

/// Applies all transforms except the basis: returns values `[tokens, channels]` and the decoder's side information.
pub(super) fn forth(values: &[f32], shape: Shape, position: u64, steps: Steps) -> (Vec<f32>, Side) {
    let channels = shape.token_elements();
    let mut wide = vec![0.0f64; values.len()];
    widen(values, &mut wide);
    if let Some(rope) = steps.rope {
        let turns = Turns::new(rope, shape.head_dim, position, shape.seq_len);
        turns.turn(0, &mut wide, channels, shape.head_dim, true);
    }
    let mut side = Side {
        exponents: Vec::new(),
        means: Vec::new(),
        bases: Vec::new(),
    };
    if steps.token_norm {
        for token in wide.chunks_exact_mut(channels) {
            let square = token.iter().map(|value| value * value).sum::<f64>() / channels as f64;
            let size = square.sqrt().max(MIN_NORM);
            let exponent = (f64::from(NORM_STEPS) * libm::log2(size)).round_ties_even() as i32;
            divide(token, norm(exponent));
            side.exponents.push(exponent);
        }
    }
    if steps.mean {
        let mut sums = vec![0.0f64; channels];
        wide.chunks_exact(channels)
            .for_each(|token| add_to(&mut sums, token));
        let f16 = |sum: &f64| f32_to_f16((sum / shape.seq_len as f64) as f32);
        side.means = sums.iter().map(f16).collect();
        let means: Vec<f64> = side.means.iter().map(|&mean| -mean_value(mean)).collect();
        wide.chunks_exact_mut(channels)
            .for_each(|token| add_to(token, &means));
    }
    let mut narrow = vec![0.0f32; wide.len()];
    narrowed(&wide, &mut narrow);
    (narrow, side)
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn widen(values: &[f32], out: &mut [f64]) {
    let values = &values[..out.len()];
    for place in 0..out.len() {
        out[place] = f64::from(values[place]);
    }
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn narrowed(values: &[f64], out: &mut [f32]) {
    let values = &values[..out.len()];
    for place in 0..out.len() {
        out[place] = values[place] as f32;
    }
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn divide(values: &mut [f64], by: f64) {
    for value in values {
        *value /= by;
    }
}

/// Adds `values` to `sums`, element by element.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn add_to(sums: &mut [f64], values: &[f64]) {
    let sums = &mut sums[..values.len()];
    for place in 0..values.len() {
        sums[place] += values[place];
    }
}

/// Coefficients, and their bases in stored and in usable form.
pub(super) type Decorrelated = (Vec<f32>, Vec<StoredBasis>, Vec<Basis>);

/// Transforms the values of [`forth`] to coefficients in a basis; returns the bases too.
pub(super) fn decorrelate(
    values: &[f32],
    shape: Shape,
    klt: Klt,
    fineness: Fineness,
) -> Option<Decorrelated> {
    let channels = shape.token_elements();
    let part = klt.part(shape)?;
    if !klt::is_reasonable(part, channels, values.len()) {
        return None;
    }
    let parts = (0..channels).step_by(part);
    let stored: Vec<StoredBasis> = parts
        .map(|first| StoredBasis::of(values, (channels, first, part), fineness))
        .collect();
    let bases: Vec<Basis> = stored.iter().map(StoredBasis::orthonormal).collect();
    let coefficients = coefficients(values, channels, &bases);
    Some((coefficients, stored, bases))
}

/// The values of [`forth`] as coefficients in `bases`, of which there is at least one.
pub(super) fn coefficients(values: &[f32], channels: usize, bases: &[Basis]) -> Vec<f32> {
    let mut coefficients = vec![0.0; values.len()];
    let part = channels / bases.len();
    for (index, basis) in bases.iter().enumerate() {
        basis.forth(values, channels, index * part, &mut coefficients);
    }
    coefficients
}

/// Approximate number of bits of the coefficients at a step: half the binary logarithm of each channel's variance relative to the step's
/// own, as for normally distributed values. Accurate enough for choosing.
pub(super) fn estimate(coefficients: &[f32], channels: usize, step: f64) -> f64 {
    let mut squares = vec![0.0f64; channels];
    coefficients
        .chunks_exact(channels)
        .for_each(|token| add_squares(&mut squares, token));
    let tokens = (coefficients.len() / channels.max(1)) as f64;
    let bits = |square: &f64| bits_of_variance(square / tokens / (step * step));
    tokens * squares.iter().map(bits).sum::<f64>()
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn add_squares(sums: &mut [f64], values: &[f32]) {
    let values = &values[..sums.len()];
    for place in 0..sums.len() {
        sums[place] += f64::from(values[place]) * f64::from(values[place]);
    }
}

/// Value of a stored mean; a mean that is not finite counts as 0.
fn mean_value(mean: u16) -> f64 {
    let value = f64::from(f16_to_f32(mean));
    if value.is_finite() { value } else { 0.0 }
}

/// Computes `coefficients / step`, rounded to the nearest integer, ties to even.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
pub(super) fn round(coefficients: &[f32], step: f64, codes: &mut [i32]) {
    // Adding and subtracting 1.5 * 2^52 rounds to an integer on every machine.
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    let coefficients = &coefficients[..codes.len()];
    for place in 0..codes.len() {
        let quotient = (f64::from(coefficients[place]) / step).clamp(-MAX_CODE, MAX_CODE);
        codes[place] = (quotient + MAGIC - MAGIC) as i32;
    }
}

/// For each part of a token, the number of channels up to the last one with a nonzero code.
pub(super) fn last_used(codes: &[i32], channels: usize, parts: usize) -> Vec<usize> {
    let mut bits = vec![0; channels];
    codes
        .chunks_exact(channels.max(1))
        .for_each(|token| join_bits(&mut bits, token));
    let part = channels.checked_div(parts).unwrap_or(0).max(1);
    let last = |part: &[i32]| part.iter().rposition(|&bits| bits != 0);
    bits.chunks(part)
        .map(|part| last(part).map_or(0, |place| place + 1))
        .collect()
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn join_bits(bits: &mut [i32], codes: &[i32]) {
    let codes = &codes[..bits.len()];
    for place in 0..bits.len() {
        bits[place] |= codes[place];
    }
}

/// Codes are clamped to this magnitude.
pub(super) const MAX_CODE: f64 = (1 << 23) as f64;

/// Inverts the transforms: from codes to values, which `take` gets with the range that they belong to, before they are rounded to elements.
/// `bases` are those of `side`; their vectors reach as far as there are codes other than zero.
pub(super) fn back(
    codes: &[i32],
    step: f64,
    side: &Side,
    bases: &[Basis],
    steps: Steps,
    (shape, position): (Shape, u64),
    take: &mut dyn FnMut(Range<usize>, &[f64]),
) {
    let channels = shape.token_elements();
    let means: Vec<f64> = side.means.iter().map(|&mean| mean_value(mean)).collect();
    let turns = (steps.rope).map(|rope| Turns::new(rope, shape.head_dim, position, shape.seq_len));
    // A few tokens at a time, so that they stay in the cache.
    let at_once = (1 << 13) / channels.max(1) / 4 * 4 + 4;
    let mut scaled = vec![0.0f32; at_once * channels];
    let mut turned_back = scaled.clone();
    let mut wide = vec![0.0f64; at_once * channels];
    for (block, codes) in codes.chunks(at_once * channels).enumerate() {
        let values = &mut wide[..codes.len()];
        if bases.is_empty() {
            scale_wide(codes, step, values);
        } else {
            let scaled = &mut scaled[..codes.len()];
            let turned_back = &mut turned_back[..codes.len()];
            scale_codes(codes, step as f32, scaled);
            let part = channels / bases.len();
            for (index, (basis, stored)) in bases.iter().zip(&side.bases).enumerate() {
                let used = stored.vectors.len();
                basis.back(scaled, channels, index * part, used, turned_back);
            }
            widen(turned_back, values);
        }
        let first = block * at_once;
        for (index, token) in values.chunks_exact_mut(channels).enumerate() {
            add_to(token, &means);
            if let Some(&exponent) = side.exponents.get(first + index) {
                multiply(token, norm(exponent));
            }
        }
        if let Some(turns) = &turns {
            turns.turn(first, values, channels, shape.head_dim, false);
        }
        let start = first * channels;
        take(start..start + values.len(), values);
    }
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn scale_codes(codes: &[i32], step: f32, out: &mut [f32]) {
    let codes = &codes[..out.len()];
    for place in 0..out.len() {
        out[place] = codes[place] as f32 * step;
    }
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn scale_wide(codes: &[i32], step: f64, out: &mut [f64]) {
    let codes = &codes[..out.len()];
    for place in 0..out.len() {
        out[place] = f64::from(codes[place]) * step;
    }
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn multiply(values: &mut [f64], by: f64) {
    for value in values {
        *value *= by;
    }
}

/// A value within the range of an element type: rounding may have put it a little beyond, where float8 has no value but NaN.
#[inline(always)]
fn within<E: Element>(value: f64) -> f64 {
    value.clamp(f64::from(-E::MAX_VALUE), f64::from(E::MAX_VALUE))
}

/// Rounds values to elements and writes their bytes.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
pub(super) fn put<E: Element>(values: &[f64], out: &mut [u8]) {
    let out = &mut out[..values.len() * E::SIZE];
    for place in 0..values.len() {
        E::put_bits(
            E::nearest_bits(within::<E>(values[place])),
            &mut out[place * E::SIZE..],
        );
    }
}

/// Rounds values to elements.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
pub(super) fn to_elements<E: Element>(values: &[f64], out: &mut [f32]) {
    let values = &values[..out.len()];
    for place in 0..out.len() {
        out[place] = E::nearest(within::<E>(values[place]));
    }
}
