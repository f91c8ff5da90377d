//! What `tkc` does to a tensor's values before they are rounded, and undoes behind: rotary embedding, token norms, channel means, and a
//! basis in which channels do not correlate.

use multiversion::multiversion;

use super::klt::StoredBasis;
use super::rope::{Rope, Turns};
use crate::tensor::{Dtype, Element, Shape, f16_to_f32, f32_to_f16, with_element};

/// Steps of a token's norm in an octave.
const NORM_STEPS: i32 = 8;

/// The least norm of a token that is told apart.
const MIN_NORM: f64 = 1e-6;

/// Across all heads while a token has at most this many values.
pub(super) const MAX_ACROSS: usize = 256;

/// The greatest exponent of a stored norm, either way: beyond what f32 values can have.
pub(super) const MAX_EXPONENT: i32 = 140 * NORM_STEPS;

/// Which channels have a basis together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Klt {
    /// None: channels are coded as they are.
    None,
    /// Those of a head.
    PerHead,
    /// All.
    AcrossHeads,
}

impl Klt {
    /// The sizes of the parts of a token.
    pub(super) fn part(self, shape: Shape) -> Option<usize> {
        match self {
            Self::None => None,
            Self::PerHead => Some(shape.head_dim),
            Self::AcrossHeads => Some(shape.token_elements()),
        }
    }
}

/// What is done before rounding; each can be left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Steps {
    /// The rotary embedding to undo.
    pub rope: Option<Rope>,
    /// Whether tokens are divided by their norm.
    pub token_norm: bool,
    /// Whether channels lose their mean.
    pub mean: bool,
}

/// Side information of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Side {
    /// Of each token, norm = 2^(exponent / 8); empty where norms are left alone.
    pub exponents: Vec<i32>,
    /// Of each channel, f16; empty where means are left in.
    pub means: Vec<u16>,
    /// Of each part of a token.
    pub bases: Vec<StoredBasis>,
}

/// 2^(exponent / 8) in exact powers of two and eight constants.
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

/// Values of tokens that are turned, not yet divided.
fn unturned(values: &[f32], shape: Shape, position: u64, rope: Option<Rope>) -> Vec<f64> {
    let mut values: Vec<f64> = values.iter().copied().map(f64::from).collect();
    if let Some(rope) = rope {
        let turns = Turns::new(rope, shape.head_dim, position, shape.seq_len);
        let tokens = values.chunks_exact_mut(shape.token_elements());
        for (token, values) in tokens.enumerate() {
            turns.turn(token, values, shape.head_dim, true);
        }
    }
    values
}

/// Does the steps but for the basis: gives values `[tokens, channels]` and what the decoder needs beside them.
pub(super) fn forth(values: &[f32], shape: Shape, position: u64, steps: Steps) -> (Vec<f32>, Side) {
    let channels = shape.token_elements();
    let mut values = unturned(values, shape, position, steps.rope);
    let mut side = Side {
        exponents: Vec::new(),
        means: Vec::new(),
        bases: Vec::new(),
    };
    if steps.token_norm {
        for token in values.chunks_exact_mut(channels) {
            let square = token.iter().map(|value| value * value).sum::<f64>() / channels as f64;
            let size = square.sqrt().max(MIN_NORM);
            let exponent = (f64::from(NORM_STEPS) * libm::log2(size)).round_ties_even() as i32;
            let norm = norm(exponent);
            token.iter_mut().for_each(|value| *value /= norm);
            side.exponents.push(exponent);
        }
    }
    if steps.mean {
        let mut sums = vec![0.0f64; channels];
        for token in values.chunks_exact(channels) {
            sums.iter_mut()
                .zip(token)
                .for_each(|(sum, value)| *sum += value);
        }
        let f16 = |sum: &f64| f32_to_f16((sum / shape.seq_len as f64) as f32);
        side.means = sums.iter().map(f16).collect();
        let means: Vec<f64> = side.means.iter().map(|&mean| mean_value(mean)).collect();
        for token in values.chunks_exact_mut(channels) {
            token
                .iter_mut()
                .zip(&means)
                .for_each(|(value, mean)| *value -= mean);
        }
    }
    (values.into_iter().map(|value| value as f32).collect(), side)
}

/// Coefficients, and the stored bases that they are in.
pub(super) type Decorrelated = (Vec<f32>, Vec<StoredBasis>);

/// Turns the values of [`forth`] into the basis; gives the coefficients and the stored bases.
pub(super) fn decorrelate(values: &[f32], shape: Shape, klt: Klt) -> Option<Decorrelated> {
    let part = klt.part(shape)?;
    let channels = shape.token_elements();
    let mut coefficients = vec![0.0; values.len()];
    let bases = (0..channels).step_by(part).map(|first| {
        let stored = StoredBasis::of(values, channels, first, part);
        stored
            .orthonormal()
            .forth(values, channels, first, &mut coefficients);
        stored
    });
    let bases = bases.collect();
    Some((coefficients, bases))
}

/// About the bits that coefficients take at a step: half the logarithm of each channel's variance against the step's own, which is what
/// normal values take. Good enough to choose by.
pub(super) fn estimate(coefficients: &[f32], channels: usize, step: f64) -> f64 {
    let mut squares = vec![0.0f64; channels];
    for token in coefficients.chunks_exact(channels) {
        for (square, value) in squares.iter_mut().zip(token) {
            *square += f64::from(*value) * f64::from(*value);
        }
    }
    let tokens = (coefficients.len() / channels.max(1)) as f64;
    // 2 pi e / 12 is between the entropy of a normal value and that of its step.
    let bits = |square: &f64| 0.5 * libm::log2(1.0 + 17.08 * square / tokens / (step * step));
    tokens * squares.iter().map(bits).sum::<f64>()
}

/// A stored mean; one that is no number counts as none.
fn mean_value(mean: u16) -> f64 {
    let value = f64::from(f16_to_f32(mean));
    if value.is_finite() { value } else { 0.0 }
}

/// `coefficients / step`, rounded to the nearest, ties to even.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn round(coefficients: &[f32], step: f64, codes: &mut [i32]) {
    // Adding and taking off 1.5 * 2^52 rounds, whatever the machine.
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    for (code, value) in codes.iter_mut().zip(coefficients) {
        let quotient = (f64::from(*value) / step).clamp(-MAX_CODE, MAX_CODE);
        *code = (quotient + MAGIC - MAGIC) as i32;
    }
}

/// Codes beyond this are cut.
pub(super) const MAX_CODE: f64 = (1 << 23) as f64;

/// Undoes the steps: from codes to the tensor.
pub(super) fn back(
    codes: &[i32],
    step: f64,
    side: &Side,
    steps: Steps,
    (dtype, shape, position): (Dtype, Shape, u64),
) -> Vec<u8> {
    let channels = shape.token_elements();
    let means: Vec<f64> = side.means.iter().map(|&mean| mean_value(mean)).collect();
    let turns = (steps.rope).map(|rope| Turns::new(rope, shape.head_dim, position, shape.seq_len));
    let bases: Vec<_> = side.bases.iter().map(StoredBasis::orthonormal).collect();
    let mut bytes = vec![0; codes.len() * dtype.size()];
    // Some tokens at a time, which stay in the cache.
    let at_once = (1 << 14) / channels.max(1) / 4 * 4 + 4;
    let mut scaled = vec![0.0f32; at_once * channels];
    let mut turned_back = scaled.clone();
    let mut values = vec![0.0f64; channels];
    for (block, (codes, out)) in codes
        .chunks(at_once * channels)
        .zip(bytes.chunks_mut(at_once * channels * dtype.size()))
        .enumerate()
    {
        if !bases.is_empty() {
            let scaled = &mut scaled[..codes.len()];
            scale_codes(codes, step as f32, scaled);
            let part = channels / bases.len();
            for (index, basis) in bases.iter().enumerate() {
                basis.back(
                    scaled,
                    channels,
                    index * part,
                    &mut turned_back[..codes.len()],
                );
            }
        }
        for (index, codes) in codes.chunks_exact(channels).enumerate() {
            let token = block * at_once + index;
            if bases.is_empty() {
                for (value, code) in values.iter_mut().zip(codes) {
                    *value = f64::from(*code) * step;
                }
            } else {
                let token = &turned_back[index * channels..][..channels];
                for (value, back) in values.iter_mut().zip(token) {
                    *value = f64::from(*back);
                }
            }
            for (value, mean) in values.iter_mut().zip(&means) {
                *value += mean;
            }
            if let Some(&exponent) = side.exponents.get(token) {
                let norm = norm(exponent);
                values.iter_mut().for_each(|value| *value *= norm);
            }
            if let Some(turns) = &turns {
                turns.turn(token, &mut values, shape.head_dim, false);
            }
            let out = &mut out[index * channels * dtype.size()..][..channels * dtype.size()];
            with_element!(dtype, E => put::<E>(&values, out));
        }
    }
    bytes
}

#[multiversion(targets("x86_64+avx2"))]
fn scale_codes(codes: &[i32], step: f32, out: &mut [f32]) {
    for (out, code) in out.iter_mut().zip(codes) {
        *out = *code as f32 * step;
    }
}

fn put<E: Element>(values: &[f64], out: &mut [u8]) {
    for (value, out) in values.iter().zip(out.chunks_exact_mut(E::SIZE)) {
        E::put(E::nearest(*value), out);
    }
}
