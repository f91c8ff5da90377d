//! The ggml element types that llama.cpp stores K and V in (`ggml/src/ggml-quants.c`, `dequantize_row_*`): plain
//! floats, and blocks of 32 values with a scale.

use crate::dump::bytes::place::Decode;
use crate::dump::bytes::source::{SourceError, reserve};
use crate::tensor::f16_to_f32;

/// Values per block.
pub(super) const BLOCK: usize = 32;

/// Storage type of a row of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GgmlType {
    F32,
    F16,
    Bf16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Iq4Nl,
}

impl GgmlType {
    /// The type with ggml's type number `number`.
    pub fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::F32,
            1 => Self::F16,
            2 => Self::Q4_0,
            3 => Self::Q4_1,
            6 => Self::Q5_0,
            7 => Self::Q5_1,
            8 => Self::Q8_0,
            20 => Self::Iq4Nl,
            30 => Self::Bf16,
            _ => return None,
        })
    }

    /// The type's name as `--cache-type-k` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q4_0 => "q4_0",
            Self::Q4_1 => "q4_1",
            Self::Q5_0 => "q5_0",
            Self::Q5_1 => "q5_1",
            Self::Q8_0 => "q8_0",
            Self::Iq4Nl => "iq4_nl",
        }
    }

    /// Values per block, and bytes per block.
    pub fn block(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::Bf16 => (1, 2),
            Self::Q4_0 | Self::Iq4Nl => (BLOCK, 18),
            Self::Q4_1 => (BLOCK, 20),
            Self::Q5_0 => (BLOCK, 22),
            Self::Q5_1 => (BLOCK, 24),
            Self::Q8_0 => (BLOCK, 34),
        }
    }

    pub fn is_quantized(self) -> bool {
        self.block().0 > 1
    }

    /// Dequantizes one block.
    fn dequantize(self, block: &[u8], out: &mut [f32; BLOCK]) {
        let half = |at: usize| f16_to_f32(u16::from_le_bytes([block[at], block[at + 1]]));
        let word = |at: usize| {
            u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
        };
        let scale = half(0);
        // Value j of the first half is in the low four bits of byte j, value 16 + j in the high ones.
        let nibble = |codes: usize, at: usize| block[codes + at % 16] >> (4 * (at / 16)) & 15;
        let fifth = |bits: u32, at: usize| ((bits >> at & 1) as u8) << 4;
        for (at, out) in out.iter_mut().enumerate() {
            *out = match self {
                Self::Q4_0 => (f32::from(nibble(2, at)) - 8.0) * scale,
                Self::Q4_1 => f32::from(nibble(4, at)) * scale + half(2),
                Self::Q5_0 => (f32::from(nibble(6, at) | fifth(word(2), at)) - 16.0) * scale,
                Self::Q5_1 => f32::from(nibble(8, at) | fifth(word(4), at)) * scale + half(2),
                Self::Iq4Nl => IQ4_NL[usize::from(nibble(2, at))] * scale,
                _ => f32::from(block[2 + at] as i8) * scale,
            };
        }
    }
}

/// Values of the `iq4_nl` codes.
const IQ4_NL: [f32; 16] = [
    -127.0, -104.0, -83.0, -65.0, -49.0, -35.0, -22.0, -10.0, 1.0, 13.0, 25.0, 38.0, 53.0, 69.0,
    89.0, 113.0,
];

/// Decodes blocks to 32-bit floats. Exact, since each value is the product of a half and a small integer.
#[derive(Debug)]
pub(super) struct Blocks(pub GgmlType);

impl Decode for Blocks {
    fn decode(&self, parts: &[Vec<u8>]) -> Result<Vec<u8>, SourceError> {
        let bytes = parts.first().map_or(&[][..], Vec::as_slice);
        let (values, size) = self.0.block();
        let blocks = bytes.chunks_exact(size);
        let mut out = reserve((blocks.len() * values * 4) as u64)?;
        let mut decoded = [0.0; BLOCK];
        for block in blocks {
            self.0.dequantize(block, &mut decoded);
            out.extend(decoded.iter().flat_map(|value| value.to_le_bytes()));
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(kind: GgmlType, block: &[u8]) -> Vec<f32> {
        let mut out = [0.0; BLOCK];
        kind.dequantize(block, &mut out);
        out.to_vec()
    }

    #[test]
    fn blocks_hold_what_their_formula_says() {
        let (one, half) = ([0x00, 0x3c], [0x00, 0x38]); // 1.0, 0.5
        let codes: Vec<u8> = (0..16).map(|at| at | (15 - at) << 4).collect();
        let expected = |first: &dyn Fn(f32) -> f32| -> Vec<f32> {
            (0..16)
                .chain((0..16).rev())
                .map(|code| first(code as f32))
                .collect()
        };
        let block = [&half[..], &codes].concat();
        assert_eq!(
            values(GgmlType::Q4_0, &block),
            expected(&|code| (code - 8.0) * 0.5)
        );
        assert_eq!(
            values(GgmlType::Q4_1, &[&half[..], &one, &codes].concat()),
            expected(&|code| code * 0.5 + 1.0)
        );
        let none = [0; 4];
        assert_eq!(
            values(GgmlType::Q5_0, &[&half[..], &none, &codes].concat()),
            expected(&|code| (code - 16.0) * 0.5)
        );
        let all = [0xff; 4];
        assert_eq!(
            values(GgmlType::Q5_1, &[&half[..], &one, &all, &codes].concat()),
            expected(&|code| (code + 16.0) * 0.5 + 1.0)
        );
        let signed: Vec<u8> = (0..32).map(|at| (at as i8 - 16) as u8).collect();
        let eight: Vec<f32> = (0..32).map(|at| (at as f32 - 16.0) * 0.5).collect();
        assert_eq!(
            values(GgmlType::Q8_0, &[&half[..], &signed].concat()),
            eight
        );
        assert_eq!(values(GgmlType::Iq4Nl, &block)[..2], [-63.5, -52.0]);
    }
}
