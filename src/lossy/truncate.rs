//! Truncation: all but the first mantissa bits become 0, nothing is rounded.

use crate::tensor::{Dtype, Tensor};

/// Keeps `bits` of the mantissa (fp16 has 10, bf16 7, fp32 23).
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
        Dtype::F32 => {
            let mask = !((1u32 << (23 - bits.min(23))) - 1);
            for element in bytes.as_chunks_mut::<4>().0 {
                *element = (u32::from_le_bytes(*element) & mask).to_le_bytes();
            }
        }
    }
    tensor.with_bytes(bytes)
}
