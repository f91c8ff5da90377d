//! TurboQuant (Zandieh et al. 2025, arXiv 2504.19874): a vector's norm is stored as fp16, its rotated unit vector by the Lloyd-Max levels
//! of a normal distribution, since its values are nearly normal with variance 1 / head_dim.

use super::grid::{Format, Params, Range};
use super::number::{as_f16, read_f16, write_f16};

/// Positive levels of the quantizers for N(0, 1) with 4, 8 and 16 levels; the negative levels mirror them.
const LEVELS: [&[f32]; 3] = [
    &[0.452_780_03, 1.510_417_6],
    &[0.245_094_18, 0.756_005_3, 1.343_909_3, 2.151_945_7],
    &[
        0.128_395_03,
        0.388_048_3,
        0.656_759_1,
        0.942_340_46,
        1.256_231_2,
        1.618_046_4,
        2.069_017_2,
        2.732_589_6,
    ],
];

/// Quantizer levels for vectors of `dim` values, scaled by each vector's norm.
#[derive(Clone, Copy)]
pub(super) struct Levels {
    bits: u32,
    levels: [f32; 8],
    bounds: [f32; 7],
    root: f32,
}

impl Levels {
    /// Levels with codes of 2, 3 or 4 bits, for vectors of `dim` values.
    pub fn new(bits: u32, dim: usize) -> Self {
        let known = LEVELS[(bits.clamp(2, 4) - 2) as usize];
        let (mut levels, mut bounds) = ([0.0; 8], [f32::INFINITY; 7]);
        levels[..known.len()].copy_from_slice(known);
        for (bound, pair) in bounds.iter_mut().zip(known.windows(2)) {
            *bound = (pair[0] + pair[1]) / 2.0;
        }
        Self {
            bits,
            levels,
            bounds,
            root: (dim as f32).sqrt(),
        }
    }
}

impl Format for Levels {
    fn bits(&self) -> u32 {
        self.bits
    }

    fn side(&self) -> usize {
        2
    }

    #[inline(always)]
    fn fit(&self, _: Range, group: &[f32]) -> Params {
        let mut squares = [0f32; 8];
        let (lanes, rest) = group.as_chunks::<8>();
        for values in lanes {
            for lane in 0..8 {
                squares[lane] += values[lane] * values[lane];
            }
        }
        let sum: f32 = squares.iter().sum::<f32>() + rest.iter().map(|x| x * x).sum::<f32>();
        let scale = as_f16(sum.sqrt()) / self.root;
        Params {
            inverse: if scale == 0.0 { 0.0 } else { 1.0 / scale },
            offset: scale * self.root,
            scale,
            ..Params::default()
        }
    }

    fn write_side(&self, params: &Params, out: &mut Vec<u8>) {
        write_f16(params.offset, out);
    }

    fn read_side(&self, bytes: &[u8]) -> Params {
        Params {
            scale: read_f16(bytes, 0) / self.root,
            ..Params::default()
        }
    }

    #[inline(always)]
    fn code(&self, value: f32, params: &Params) -> u32 {
        let value = value * params.inverse;
        let magnitude = value.abs();
        let level: u32 = self
            .bounds
            .iter()
            .map(|&bound| u32::from(magnitude > bound))
            .sum();
        // The sign is the highest bit.
        level | (value.to_bits() >> 31) << (self.bits - 1)
    }

    #[inline(always)]
    fn value(&self, code: u32, params: &Params) -> f32 {
        let sign = code >> (self.bits - 1) << 31;
        let level = self.levels[(code & ((1 << (self.bits - 1)) - 1)) as usize & 7];
        f32::from_bits(level.to_bits() ^ sign) * params.scale
    }
}
