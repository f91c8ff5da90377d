//! Integers with fp16 scales, in groups of any kind, as in TensorRT-LLM's int8 cache, Hugging Face's quantized caches and KIVI.

use super::grid::{Format, Params, Range};
use super::number::as_f16;

/// Symmetric: multiples of max|x| / (2^(bits-1) - 1).
#[derive(Clone, Copy)]
pub(super) struct Symmetric {
    pub bits: u32,
}

impl Symmetric {
    #[inline(always)]
    fn limit(self) -> f32 {
        ((1u32 << (self.bits - 1)) - 1) as f32
    }
}

/// `value / scale` to the nearest whole number; 0 where the scale is 0.
#[inline(always)]
fn steps(value: f32, scale: f32) -> f32 {
    let steps = (value / scale).round_ties_even();
    if scale == 0.0 { 0.0 } else { steps }
}

impl Format for Symmetric {
    fn bits(&self) -> u32 {
        self.bits
    }

    #[inline(always)]
    fn fit(&self, range: Range, _: &[f32]) -> Params {
        Params {
            scale: as_f16(range.magnitude() / self.limit()),
            ..Params::default()
        }
    }

    #[inline(always)]
    fn code(&self, value: f32, params: &Params) -> u32 {
        let limit = self.limit();
        let step = steps(value, params.scale).clamp(-limit, limit);
        (step + limit) as i32 as u32
    }

    #[inline(always)]
    fn value(&self, code: u32, params: &Params) -> f32 {
        (code as i32 as f32 - self.limit()) * params.scale
    }
}

/// Asymmetric: steps of (max - min) / (2^bits - 1), starting at the smallest value.
#[derive(Clone, Copy)]
pub(super) struct Asymmetric {
    pub bits: u32,
}

impl Format for Asymmetric {
    const HAS_OFFSET: bool = true;

    fn bits(&self) -> u32 {
        self.bits
    }

    #[inline(always)]
    fn fit(&self, range: Range, _: &[f32]) -> Params {
        Params {
            scale: as_f16((range.max - range.min) / ((1u32 << self.bits) - 1) as f32),
            offset: as_f16(range.min),
            ..Params::default()
        }
    }

    #[inline(always)]
    fn code(&self, value: f32, params: &Params) -> u32 {
        let most = ((1u32 << self.bits) - 1) as f32;
        steps(value - params.offset, params.scale).clamp(0.0, most) as i32 as u32
    }

    #[inline(always)]
    fn value(&self, code: u32, params: &Params) -> f32 {
        code as i32 as f32 * params.scale + params.offset
    }
}
