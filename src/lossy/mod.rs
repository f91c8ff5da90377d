//! Lossy transforms: they change a tensor's values slightly so that it compresses better. Arithmetic is f32, rounding
//! half to even, as in numpy.
//!
//! NaN and infinity come out as on the x86 machines that the reference runs on, including signs (`special`): the sign
//! bit of a NaN is compressed like any other, and the result in a browser must be the same.

mod block_norm;
mod clip;
mod quantize;
mod round_mantissa;
mod special;
mod truncate;

pub use block_norm::{Blocks, top_k_blocks};
pub use clip::{Clipping, clip};
pub use quantize::quantize;
pub use round_mantissa::round_mantissa;
pub use truncate::truncate;

use crate::tensor::Element;
use multiversion::multiversion;

/// Largest step of a symmetric quantizer, `2^(bits - 1) - 1`, for up to 24 bits (f32 can't distinguish more steps).
fn max_step(bits: u32) -> f32 {
    ((1u32 << (bits.clamp(1, 24) - 1)) - 1) as f32
}

/// Rounds half to even, keeping the sign of zero; for magnitudes up to 2^23 + 1. Adding 2^23 leaves no room for a
/// fraction.
#[inline(always)]
fn round(value: f32) -> f32 {
    const LIMIT: f32 = 8_388_608.0;
    ((value.abs() + LIMIT) - LIMIT).copysign(value)
}

/// Clamps to `-limit..=limit`.
#[inline(always)]
fn clamp(value: f32, limit: f32) -> f32 {
    let value = if value < -limit { -limit } else { value };
    if value > limit { limit } else { value }
}

/// Applies `step` to every element; `values` is a buffer for some of them. Each loop handles elements of a single size,
/// otherwise LLVM moves them one by one between vectors.
#[multiversion(targets("x86_64+avx2"))]
fn steps<E: Element, F: Fn(f32) -> f32>(from: &[u8], to: &mut [u8], values: &mut [f32], step: F) {
    let part = values.len() * E::SIZE;
    for (from, to) in from.chunks(part).zip(to.chunks_mut(part)) {
        for (value, from) in values.iter_mut().zip(from.chunks_exact(E::SIZE)) {
            *value = E::get(from);
        }
        for value in values.iter_mut() {
            *value = step(*value);
        }
        for (value, to) in values.iter().zip(to.chunks_exact_mut(E::SIZE)) {
            E::put(*value, to);
        }
    }
}

/// Largest magnitude; NaN (with its payload, positive) if there is one. Magnitudes compare as their bits do.
#[multiversion(targets("x86_64+avx2"))]
fn max_magnitude<E: Element>(bytes: &[u8]) -> f32 {
    let mut max = E::Bits::default();
    // Not a fold: that is not always inlined, and then the element size is no constant.
    for element in bytes.chunks_exact(E::SIZE) {
        max = max.max(E::bits(element) & E::MAGNITUDE);
    }
    E::value(max)
}
