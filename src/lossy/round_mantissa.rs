//! Rounding of mantissas: what truncation at the same size might have been, with half its error and no bias.

use crate::tensor::{Dtype, Tensor};

/// Keeps `bits` of the mantissa, rounded to nearest even. Values that would leave the type's range are truncated; infinity and NaN stay.
///
/// ```
/// use kvlens::{lossy::round_mantissa, tensor::{Dtype, Shape, Tensor}};
/// let shape = Shape { seq_len: 1, kv_heads: 1, head_dim: 1 };
/// let tensor = Tensor::new(Dtype::F32, shape, 1.9f32.to_le_bytes().to_vec()).unwrap();
/// assert_eq!(round_mantissa(&tensor, 1).values(), [2.0]);
/// ```
pub fn round_mantissa(tensor: &Tensor, bits: u32) -> Tensor {
    let mut bytes = tensor.bytes().to_vec();
    let mut half = |mantissa: u32, infinity: u32| {
        let drop = mantissa - bits.min(mantissa);
        for element in bytes.as_chunks_mut::<2>().0 {
            let rounded = round(u16::from_le_bytes(*element).into(), drop, infinity, 0x7fff);
            *element = (rounded as u16).to_le_bytes();
        }
    };
    match tensor.dtype() {
        Dtype::F16 => half(10, 0x7c00),
        Dtype::Bf16 => half(7, 0x7f80),
        Dtype::E4m3 | Dtype::E5m2 => {
            let drop = tensor.dtype().mantissa_bits().saturating_sub(bits);
            // e4m3 has no infinity: its one special magnitude is NaN.
            let infinity = if tensor.dtype() == Dtype::E4m3 {
                0x7f
            } else {
                0x7c
            };
            for element in &mut bytes {
                *element = round(u32::from(*element), drop, infinity, 0x7f) as u8;
            }
        }
        Dtype::F32 => {
            for element in bytes.as_chunks_mut::<4>().0 {
                let rounded = round(
                    u32::from_le_bytes(*element),
                    23 - bits.min(23),
                    0x7f80_0000,
                    0x7fff_ffff,
                );
                *element = rounded.to_le_bytes();
            }
        }
    }
    tensor.with_bytes(bytes)
}

/// The bits of an element without its last `drop` ones: magnitudes compare as their bits do, so a carry goes into the exponent.
fn round(element: u32, drop: u32, infinity: u32, magnitude_mask: u32) -> u32 {
    let (sign, magnitude) = (element & !magnitude_mask, element & magnitude_mask);
    if drop == 0 || magnitude >= infinity {
        return element;
    }
    let cut = !((1u32 << drop) - 1);
    let odd = (magnitude >> drop) & 1;
    let rounded = (magnitude + (1 << (drop - 1)) - 1 + odd) & cut;
    sign | if rounded >= infinity {
        magnitude & cut
    } else {
        rounded
    }
}
