//! Blocks of fp4 or fp8 values with a small scale: NVFP4 (16 e2m1 values, an e4m3 scale) and the OCP microscaling formats MXFP4 and MXFP8
//! (32 values, a power of two). Scales and ties as mlx 0.32.4 computes them (`mx.quantize(mode=...)`), bit for bit.

use super::grid::{Format, Params, Range};
use super::mlx::rounded;
use super::number::{Fp8, e2m1_code, e2m1_value};
use crate::tensor::{Dtype, with_element};

/// NVFP4: the scale is max|x| / 6 as e4m3.
#[derive(Clone, Copy)]
pub(super) struct NvFp4 {
    /// Scale of the whole tensor, max|x| / (6 * 448), as NVIDIA's own kernels have it; 1 where there is none.
    pub global: f32,
}

impl Format for NvFp4 {
    fn bits(&self) -> u32 {
        4
    }

    fn side(&self) -> usize {
        1
    }

    #[inline(always)]
    fn fit(&self, range: Range, _: &[f32]) -> Params {
        let code = Fp8::E4m3.code(range.magnitude() / 6.0 / self.global);
        Params {
            offset: code as f32,
            scale: Fp8::E4m3.value(code) * self.global,
            ..Params::default()
        }
    }

    fn write_side(&self, params: &Params, out: &mut Vec<u8>) {
        out.push(params.offset as u8);
    }

    fn read_side(&self, bytes: &[u8]) -> Params {
        Params {
            scale: Fp8::E4m3.value(u32::from(bytes[0])) * self.global,
            ..Params::default()
        }
    }

    #[inline(always)]
    fn code(&self, value: f32, params: &Params) -> u32 {
        // With a scale of 0 the quotient would be NaN; any code decodes to zero.
        e2m1_code(value / params.scale)
    }

    #[inline(always)]
    fn value(&self, code: u32, params: &Params) -> f32 {
        e2m1_value(code) * params.scale
    }
}

/// MXFP4 and MXFP8: the scale is the smallest power of two with which no value saturates.
#[derive(Clone, Copy)]
pub(super) struct Mx {
    /// Whether values are e4m3 (MXFP8); otherwise e2m1 (MXFP4).
    pub eight: bool,
    /// Element type of the tensor.
    pub dtype: Dtype,
}

impl Mx {
    /// The scale as the decoder computes it, in the tensor's type, where a very small one underflows to 0.
    fn scale(self, code: u32) -> f32 {
        with_element!(self.dtype, E => rounded::<E>(e8m0(code)))
    }
}

/// The power of two that an e8m0 code stands for: 2^(code - 127).
fn e8m0(code: u32) -> f32 {
    // 2^-127 is subnormal in f32.
    if code == 0 {
        f32::from_bits(1 << 22)
    } else {
        f32::from_bits(code << 23)
    }
}

impl Format for Mx {
    fn bits(&self) -> u32 {
        if self.eight { 8 } else { 4 }
    }

    fn side(&self) -> usize {
        1
    }

    #[inline(always)]
    fn fit(&self, range: Range, _: &[f32]) -> Params {
        let ratio = (range.magnitude() / if self.eight { 448.0 } else { 6.0 }).to_bits();
        let up = u32::from(ratio & 0x007f_ffff != 0);
        let code = if ratio == 0 {
            127
        } else {
            ((ratio >> 23) + up).min(254)
        };
        Params {
            inverse: e8m0(code),
            offset: code as f32,
            scale: self.scale(code),
            ..Params::default()
        }
    }

    fn write_side(&self, params: &Params, out: &mut Vec<u8>) {
        out.push(params.offset as u8);
    }

    fn read_side(&self, bytes: &[u8]) -> Params {
        Params {
            scale: self.scale(u32::from(bytes[0])),
            ..Params::default()
        }
    }

    #[inline(always)]
    fn code(&self, value: f32, params: &Params) -> u32 {
        let value = value / params.inverse;
        if self.eight {
            Fp8::E4m3.code(value)
        } else {
            e2m1_code(value)
        }
    }

    #[inline(always)]
    fn value(&self, code: u32, params: &Params) -> f32 {
        let value = if self.eight {
            Fp8::E4m3.value(code)
        } else {
            e2m1_value(code)
        };
        value * params.scale
    }
}
