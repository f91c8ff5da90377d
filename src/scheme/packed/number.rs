//! Small number formats: fp16 for scales, fp8 and fp4 for values.

use crate::tensor::{Element, f16_to_f32, f32_to_f16};
use half::f16;

/// `value` rounded to the nearest fp16; values beyond its range saturate to the largest finite fp16.
#[inline(always)]
pub(super) fn as_f16(value: f32) -> f32 {
    f16_to_f32(f32_to_f16(value.clamp(-65504.0, 65504.0)))
}

/// Appends a value that [`as_f16`] returned, in two bytes.
pub(super) fn write_f16(value: f32, out: &mut Vec<u8>) {
    let mut bytes = [0; 2];
    f16::put(value, &mut bytes);
    out.extend(bytes);
}

/// The fp16 at byte `at`.
pub(super) fn read_f16(bytes: &[u8], at: usize) -> f32 {
    f16::get(&bytes[at..])
}

/// An fp8 format. Encoding never makes infinity or NaN: values that are too large saturate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fp8 {
    /// OCP E4M3 (`e4m3fn`): up to 448, without infinity.
    E4m3,
    /// OCP E5M2: up to 57344, the upper half of an fp16.
    E5m2,
}

impl Fp8 {
    /// The largest finite value.
    pub const fn max(self) -> f32 {
        match self {
            Self::E4m3 => 448.0,
            Self::E5m2 => 57344.0,
        }
    }

    const fn mantissa(self) -> u32 {
        match self {
            Self::E4m3 => 3,
            Self::E5m2 => 2,
        }
    }

    /// The exponent of the smallest normal value, as f32 stores it (with its bias).
    const fn least(self) -> u32 {
        match self {
            Self::E4m3 => 127 - 6,
            Self::E5m2 => 127 - 14,
        }
    }

    /// The code of the nearest value, ties to even, saturating.
    #[inline(always)]
    pub fn code(self, value: f32) -> u32 {
        let (mantissa, least) = (self.mantissa(), self.least());
        let magnitude = value.abs().min(self.max());
        // Adding 1.5 * 2^23 steps leaves no mantissa bits for fractions of a step, so the FPU rounds to the nearest step, ties to even. A
        // step is 2^-mantissa times the power of two at or below the value, or that of the smallest normal value.
        let power = (magnitude.to_bits() & 0x7f80_0000).max(least << 23);
        let round = f32::from_bits(power + ((23 - mantissa) << 23)) * 1.5;
        let rounded = (magnitude + round) - round;
        // The code of a normal value is its upper bits, rebased; subnormal values are multiples of the smallest step.
        let normal = (rounded.to_bits() >> (23 - mantissa)).wrapping_sub((least - 1) << mantissa);
        let steps = f32::from_bits((127 + 127 - least + mantissa) << 23);
        let subnormal = (rounded * steps) as i32 as u32;
        let tiny = rounded.to_bits() < least << 23;
        let sign = (value.to_bits() >> 24) & 0x80;
        sign | if tiny { subnormal } else { normal }
    }

    /// Decodes a code; codes that are no finite number give NaN or infinity.
    #[inline(always)]
    pub fn value(self, code: u32) -> f32 {
        let (mantissa, least) = (self.mantissa(), self.least());
        // Exponent and mantissa move into place, and an exact product corrects the exponent's bias, which works for subnormal values too.
        let scaled = f32::from_bits((code & 0x7f) << (23 - mantissa))
            * f32::from_bits((127 + least - 1) << 23);
        let special = match self {
            Self::E4m3 => code & 0x7f == 0x7f,
            Self::E5m2 => code & 0x7c == 0x7c,
        };
        let magnitude = match (special, self) {
            (false, _) => scaled,
            (true, Self::E5m2) if code & 3 == 0 => f32::INFINITY,
            (true, _) => f32::NAN,
        };
        f32::from_bits(magnitude.to_bits() | (code & 0x80) << 24)
    }
}

/// The code of the nearest e2m1 value (0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives). Ties go to the smaller magnitude and negative zero
/// is never made, as in mlx.
#[inline(always)]
pub(super) fn e2m1_code(value: f32) -> u32 {
    let magnitude = value.abs();
    let above = |bound: f32| u32::from(magnitude > bound);
    let steps = above(0.25)
        + above(0.75)
        + above(1.25)
        + above(1.75)
        + above(2.5)
        + above(3.5)
        + above(5.0);
    let sign = (value.to_bits() >> 28) & 8;
    steps | if steps > 0 { sign } else { 0 }
}

/// Decodes an e2m1 code.
#[inline(always)]
pub(super) fn e2m1_value(code: u32) -> f32 {
    let scaled = f32::from_bits((code & 7) << 22) * f32::from_bits((127 + 126) << 23);
    f32::from_bits(scaled.to_bits() | (code & 8) << 28)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fp8_code_comes_back() {
        for format in [Fp8::E4m3, Fp8::E5m2] {
            let mut last = -1.0;
            for code in 0..0x80 {
                let value = format.value(code);
                if !value.is_finite() {
                    continue;
                }
                assert!(value > last, "{format:?} {code}: {value}");
                last = value;
                assert_eq!(format.code(value), code, "{format:?}: {value}");
                assert_eq!(format.code(-value), code | 0x80, "{format:?}: -{value}");
            }
            assert_eq!(last, format.max());
            assert_eq!(format.value(format.code(1e9)), format.max());
            assert_eq!(format.value(format.code(-1e9)), -format.max());
        }
    }

    #[test]
    fn every_e2m1_code_comes_back() {
        let values: Vec<f32> = (0..8).map(e2m1_value).collect();
        assert_eq!(values, [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]);
        for code in (0..8).chain(9..16) {
            assert_eq!(e2m1_code(e2m1_value(code)), code);
        }
        assert_eq!(e2m1_value(e2m1_code(1.75)), 1.5);
    }
}
