//! Sizes of lossy values as packed codes, bit after bit, without zstd or other entropy coding. The reference converts values back to the
//! dump's type before zstd, which says little about how large a store of the codes would be.

use crate::tensor::{Dtype, Tensor};

/// Bytes of a symmetrically quantized tensor: a code of `bits` bits for each value, and the scale in the tensor's own type. Where `bits`
/// exceeds the width of that type, the values themselves count.
pub fn quantized(tensor: &Tensor, bits: u32) -> u64 {
    let scale = tensor.dtype().size() as u64;
    codes(tensor, bits) + if is_empty(tensor) { 0 } else { scale }
}

/// Bytes of a tensor whose mantissas are cut to `bits`: sign, exponent and the bits that are kept.
pub fn truncated(tensor: &Tensor, bits: u32) -> u64 {
    let dtype = tensor.dtype();
    let mantissa = dtype.mantissa_bits();
    codes(tensor, element_bits(dtype) - mantissa + bits.min(mantissa))
}

/// Bytes of a code of `bits` bits for each value, without side information. Where `bits` exceeds the width of the dump's type, the values
/// themselves count.
pub fn codes(tensor: &Tensor, bits: u32) -> u64 {
    let bits = u64::from(bits.min(element_bits(tensor.dtype())));
    (tensor.len() as u64 * bits).div_ceil(8)
}

fn element_bits(dtype: Dtype) -> u32 {
    8 * dtype.size() as u32
}

fn is_empty(tensor: &Tensor) -> bool {
    tensor.bytes().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lossy::{quantize, truncate};
    use crate::tensor::{Shape, f16_to_f32, f32_to_f16};

    fn wave() -> Tensor {
        let shape = Shape {
            seq_len: 13,
            kv_heads: 3,
            head_dim: 5,
        };
        let value = |i: usize| f32_to_f16((i as f32 * 0.7).sin() * (1.0 + i as f32));
        let bytes = (0..195).flat_map(|i| value(i).to_le_bytes());
        Tensor::new(Dtype::F16, shape, bytes.collect()).unwrap()
    }

    /// Codes bit after bit, the first in the lowest bits.
    fn pack(codes: impl Iterator<Item = u32>, width: u32) -> Vec<u8> {
        let bits: Vec<bool> = codes
            .flat_map(|code| (0..width).map(move |bit| code >> bit & 1 == 1))
            .collect();
        let byte = |bits: &[bool]| {
            let set = bits.iter().enumerate();
            set.map(|(at, &bit)| u8::from(bit) << at).sum()
        };
        bits.chunks(8).map(byte).collect()
    }

    fn unpack(bytes: &[u8], width: u32, count: usize) -> Vec<u32> {
        let bit = |at: usize| u32::from(bytes[at / 8] >> (at % 8) & 1);
        let code = |i: usize| (0..width as usize).map(move |b| bit(i * width as usize + b) << b);
        (0..count).map(|i| code(i).sum()).collect()
    }

    #[test]
    fn quantized_values_come_back_from_as_many_bytes_as_are_counted() {
        let tensor = wave();
        let values = tensor.values();
        let greatest = values.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
        for bits in [2, 5, 8, 10] {
            let limit = (1_i32 << (bits - 1)) - 1;
            let scale = (f64::from(greatest) / f64::from(limit)) as f32;
            let code = |x: &f32| ((x / scale).round_ties_even() as i32 + limit) as u32;
            let mut stored = f32_to_f16(greatest).to_le_bytes().to_vec();
            stored.extend(pack(values.iter().map(code), bits));
            assert_eq!(stored.len() as u64, quantized(&tensor, bits), "{bits} bits");

            let scale = f16_to_f32(u16::from_le_bytes([stored[0], stored[1]])) / limit as f32;
            let back = unpack(&stored[2..], bits, values.len()).into_iter();
            let back =
                back.flat_map(|c| f32_to_f16((c as i32 - limit) as f32 * scale).to_le_bytes());
            // Values are compared, not bits: a code has no signed zero.
            let back = tensor.with_bytes(back.collect());
            assert_eq!(back.values(), quantize(&tensor, bits).values());
        }
    }

    #[test]
    fn cut_values_come_back_from_as_many_bytes_as_are_counted() {
        let tensor = wave();
        for bits in [0, 3, 6, 10] {
            let cut = truncate(&tensor, bits);
            let elements = cut.bytes().as_chunks::<2>().0;
            let code = |x: &[u8; 2]| u32::from(u16::from_le_bytes(*x)) >> (10 - bits);
            let stored = pack(elements.iter().map(code), 6 + bits);
            assert_eq!(stored.len() as u64, truncated(&tensor, bits), "{bits} bits");

            let back = unpack(&stored, 6 + bits, tensor.len()).into_iter();
            let back = back.flat_map(|code| ((code << (10 - bits)) as u16).to_le_bytes());
            assert_eq!(back.collect::<Vec<u8>>(), cut.bytes());
        }
    }

    #[test]
    fn no_code_is_larger_than_the_value() {
        assert_eq!(codes(&wave(), 24), wave().bytes().len() as u64);
        assert_eq!(truncated(&wave(), 23), wave().bytes().len() as u64);
    }
}
