//! fp8 caches of vLLM and TensorRT-LLM (`--kv-cache-dtype fp8_e4m3`): every value is divided by an f32 scale, where there is one, and cast
//! with saturation, rounding to nearest even.

use super::grid::{Format, Params, Range};
use super::number::Fp8;

/// A cast to fp8, one byte for each value.
#[derive(Clone, Copy)]
pub(super) struct Cast {
    pub format: Fp8,
    /// Whether a group has a scale, max|x| / largest fp8 value; otherwise the scale is 1 and not stored.
    pub scaled: bool,
}

impl Format for Cast {
    fn bits(&self) -> u32 {
        8
    }

    fn side(&self) -> usize {
        if self.scaled { 4 } else { 0 }
    }

    #[inline(always)]
    fn fit(&self, range: Range, _: &[f32]) -> Params {
        let scale = range.magnitude() / self.format.max();
        Params {
            scale: if self.scaled && scale > 0.0 {
                scale
            } else {
                1.0
            },
            ..Params::default()
        }
    }

    fn write_side(&self, params: &Params, out: &mut Vec<u8>) {
        if self.scaled {
            out.extend(params.scale.to_le_bytes());
        }
    }

    fn read_side(&self, bytes: &[u8]) -> Params {
        Params {
            scale: bytes
                .first_chunk()
                .map_or(1.0, |bytes| f32::from_le_bytes(*bytes)),
            ..Params::default()
        }
    }

    #[inline(always)]
    fn code(&self, value: f32, params: &Params) -> u32 {
        self.format.code(value / params.scale)
    }

    #[inline(always)]
    fn value(&self, code: u32, params: &Params) -> f32 {
        self.format.value(code) * params.scale
    }
}
