//! Rounding of mantissas: the same size as truncation, with half its error and no bias.

use multiversion::multiversion;

use crate::tensor::Tensor;

/// Keeps `bits` bits of the mantissa, rounded to nearest even. Values that would exceed the type's range are truncated;
/// infinity and NaN stay.
///
/// ```
/// use kvlens::{lossy::round_mantissa, tensor::{Dtype, Shape, Tensor}};
/// let shape = Shape { seq_len: 1, kv_heads: 1, head_dim: 1 };
/// let tensor = Tensor::new(Dtype::F32, shape, 1.9f32.to_le_bytes().to_vec()).unwrap();
/// assert_eq!(round_mantissa(&tensor, 1).values(), [2.0]);
/// ```
pub fn round_mantissa(tensor: &Tensor, bits: u32) -> Tensor {
    let dtype = tensor.dtype();
    let drop = dtype.mantissa_bits().saturating_sub(bits);
    let mut bytes = tensor.bytes().to_vec();
    if drop > 0 {
        let infinity = dtype.non_finite_bits();
        match dtype.size() {
            1 => round_bytes(&mut bytes, drop, infinity),
            2 => round_halves(&mut bytes, drop, infinity),
            _ => round_singles(&mut bytes, drop, infinity),
        }
    }
    tensor.with_bytes(bytes)
}

#[multiversion(targets("x86_64+avx2"))]
fn round_halves(bytes: &mut [u8], drop: u32, infinity: u32) {
    for element in bytes.as_chunks_mut::<2>().0 {
        let rounded = round(u16::from_le_bytes(*element).into(), drop, infinity, 0x7fff);
        *element = (rounded as u16).to_le_bytes();
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn round_singles(bytes: &mut [u8], drop: u32, infinity: u32) {
    for element in bytes.as_chunks_mut::<4>().0 {
        let rounded = round(u32::from_le_bytes(*element), drop, infinity, 0x7fff_ffff);
        *element = rounded.to_le_bytes();
    }
}

fn round_bytes(bytes: &mut [u8], drop: u32, infinity: u32) {
    for element in bytes {
        *element = round(u32::from(*element), drop, infinity, 0x7f) as u8;
    }
}

/// The bits of an element rounded so that the last `drop` (at least one) are 0. Magnitudes compare as their bits do, so
/// a carry goes into the exponent. All cases are computed and one is chosen, since a loop with branches is not
/// vectorized.
#[inline(always)]
fn round(element: u32, drop: u32, infinity: u32, magnitude_mask: u32) -> u32 {
    let (sign, magnitude) = (element & !magnitude_mask, element & magnitude_mask);
    let cut = !((1u32 << drop) - 1);
    let odd = (magnitude >> drop) & 1;
    // The sum can only wrap for a NaN, and a NaN stays as it is.
    let rounded = magnitude.wrapping_add((1 << (drop - 1)) - 1 + odd) & cut;
    let number = if rounded >= infinity {
        magnitude & cut
    } else {
        rounded
    };
    if magnitude >= infinity {
        element
    } else {
        sign | number
    }
}
