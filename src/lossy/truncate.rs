//! Truncation: all but the first mantissa bits become 0, without rounding.

use crate::tensor::{Dtype, Tensor};

/// Keeps `bits` bits of the mantissa (fp16 has 10, bf16 7, fp32 23, float8 e4m3 3 and e5m2 2). NaN and infinity of
/// float8 stay.
///
/// ```
/// use kvlens::{lossy::truncate, tensor::{Dtype, Shape, Tensor}};
///
/// let shape = Shape { seq_len: 1, kv_heads: 1, head_dim: 1 };
/// let tensor = Tensor::new(Dtype::F32, shape, 1.9f32.to_le_bytes().to_vec())?;
/// assert_eq!(truncate(&tensor, 1).values(), [1.5]);
/// # Ok::<(), kvlens::tensor::TensorError>(())
/// ```
pub fn truncate(tensor: &Tensor, bits: u32) -> Tensor {
    let mut bytes = tensor.bytes().to_vec();
    let mut half = |mantissa: u32| {
        let mask = !(((1u32 << (mantissa - bits.min(mantissa))) - 1) as u16);
        for element in bytes.as_chunks_mut::<2>().0 {
            *element = (u16::from_le_bytes(*element) & mask).to_le_bytes();
        }
    };
    match tensor.dtype() {
        Dtype::F16 => half(10),
        Dtype::Bf16 => half(7),
        Dtype::E4m3 | Dtype::E5m2 => {
            let mantissa = tensor.dtype().mantissa_bits();
            let mask = !(((1u32 << (mantissa - bits.min(mantissa))) - 1) as u8);
            // e4m3's NaN has no exponent of its own: without its last mantissa bits it would be a number.
            let special = tensor.dtype().non_finite_bits() as u8;
            for element in bytes_of(&mut bytes, special) {
                *element &= mask;
            }
        }
        Dtype::F32 => {
            let mask = !((1u32 << (23 - bits.min(23))) - 1);
            for element in bytes.as_chunks_mut::<4>().0 {
                *element = (u32::from_le_bytes(*element) & mask).to_le_bytes();
            }
        }
    }
    tensor.with_bytes(bytes)
}

/// The one-byte elements that are numbers: those in which not all bits of `special` are set.
fn bytes_of(bytes: &mut [u8], special: u8) -> impl Iterator<Item = &mut u8> {
    bytes
        .iter_mut()
        .filter(move |element| **element & special != special)
}
