//! The block formats of llama.cpp (`--cache-type-k`, `--cache-type-v`): 32 values with an fp16 scale. Follows the reference functions of
//! `ggml-quants.c` as gguf 0.19.0 computes them, in f32, bit for bit.

use super::grid::{Format, Params, Range};
use super::number::as_f16;

/// `q8_0`: multiples of max|x| / 127.
#[derive(Clone, Copy)]
pub(super) struct Q8;

/// Rounds half away from zero, as C's `roundf`.
#[inline(always)]
fn round_half_away(value: f32) -> f32 {
    let even = value.round_ties_even();
    let rest = value - even;
    even + if rest.abs() == 0.5 && (rest > 0.0) == (value > 0.0) {
        1f32.copysign(value)
    } else {
        0.0
    }
}

impl Format for Q8 {
    fn bits(&self) -> u32 {
        8
    }

    #[inline(always)]
    fn fit(&self, range: Range, _: &[f32]) -> Params {
        let step = range.magnitude() / 127.0;
        Params {
            inverse: if step == 0.0 { 0.0 } else { 1.0 / step },
            scale: as_f16(step),
            ..Params::default()
        }
    }

    #[inline(always)]
    fn code(&self, value: f32, params: &Params) -> u32 {
        round_half_away(value * params.inverse) as i32 as u32 & 0xff
    }

    #[inline(always)]
    fn value(&self, code: u32, params: &Params) -> f32 {
        ((code << 24) as i32 >> 24) as f32 * params.scale
    }
}

/// `q4_0` and `q5_0`: the value of largest magnitude maps to the lowest code, -2^(bits-1).
#[derive(Clone, Copy)]
pub(super) struct Signed {
    pub bits: u32,
}

impl Signed {
    #[inline(always)]
    fn middle(self) -> f32 {
        (1u32 << (self.bits - 1)) as f32
    }
}

impl Format for Signed {
    fn bits(&self) -> u32 {
        self.bits
    }

    #[inline(always)]
    fn fit(&self, range: Range, group: &[f32]) -> Params {
        let negative = if range.max == -range.min {
            group
                .iter()
                .find(|value| value.abs() == range.max)
                .is_some_and(|value| *value < 0.0)
        } else {
            -range.min > range.max
        };
        let step = if negative { range.min } else { range.max } / -self.middle();
        Params {
            inverse: if step == 0.0 { 0.0 } else { 1.0 / step },
            scale: as_f16(step),
            ..Params::default()
        }
    }

    #[inline(always)]
    fn code(&self, value: f32, params: &Params) -> u32 {
        let step = (value * params.inverse + (self.middle() + 0.5)) as i32;
        step.clamp(0, (1 << self.bits) - 1) as u32
    }

    #[inline(always)]
    fn value(&self, code: u32, params: &Params) -> f32 {
        (code as i32 as f32 - self.middle()) * params.scale
    }
}

/// `q4_1` and `q5_1`: equal steps from the smallest to the largest value.
#[derive(Clone, Copy)]
pub(super) struct Spanned {
    pub bits: u32,
}

impl Format for Spanned {
    const HAS_OFFSET: bool = true;

    fn bits(&self) -> u32 {
        self.bits
    }

    #[inline(always)]
    fn fit(&self, range: Range, _: &[f32]) -> Params {
        let step = (range.max - range.min) / ((1u32 << self.bits) - 1) as f32;
        Params {
            inverse: if step == 0.0 { 0.0 } else { 1.0 / step },
            start: range.min,
            scale: as_f16(step),
            offset: as_f16(range.min),
        }
    }

    #[inline(always)]
    fn code(&self, value: f32, params: &Params) -> u32 {
        let step = ((value - params.start) * params.inverse + 0.5) as i32;
        step.clamp(0, (1 << self.bits) - 1) as u32
    }

    #[inline(always)]
    fn value(&self, code: u32, params: &Params) -> f32 {
        code as i32 as f32 * params.scale + params.offset
    }
}
