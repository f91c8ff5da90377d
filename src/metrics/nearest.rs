//! The error that a value would have if its mantissa were rounded to nearest instead of cut, computed from the cut value: the original lies
//! between that and the next representable value, so its distance to either is known.

use crate::numeric::f32x8::{F32x8, LANES};
use crate::tensor::Dtype;
use multiversion::multiversion;

/// The neighbours of values whose mantissas are cut to a number of bits.
#[derive(Clone, Copy)]
pub(super) struct Nearest {
    /// Distance between neighbouring values from 1 to 2.
    spacing: F32x8,
    /// Smallest normal magnitude of the type; below it, distances stay the same.
    least: F32x8,
    /// Magnitude just beyond the type's largest value: where rounding would reach it, values are cut instead.
    end: F32x8,
}

impl Nearest {
    /// For values of this type whose mantissas keep `bits` bits.
    pub fn new(dtype: Dtype, bits: u32) -> Self {
        let power = |exponent: i32| F32x8::splat(f32::from_bits(((exponent + 127) as u32) << 23));
        let (least, end) = match dtype {
            Dtype::F16 | Dtype::E5m2 => (-14, 16),
            Dtype::Bf16 | Dtype::F32 => (-126, 128),
            Dtype::E4m3 => (-6, 9),
        };
        Self {
            spacing: power(-(bits.min(dtype.mantissa_bits()) as i32)),
            least: power(least),
            end: power(end),
        }
    }

    /// Writes to `out` the magnitudes of the errors of rounding, from the original and the cut values; NaN where their difference is NaN.
    pub fn errors(self, values: &[f32], cut: &[f32], out: &mut [f32]) {
        errors(self, values, cut, out);
    }

    #[inline(always)]
    fn some(self, values: &[f32; LANES], cut: &[f32; LANES]) -> [f32; LANES] {
        let (values, cut) = (F32x8::of(values), F32x8::of(cut));
        let spacing = self
            .least
            .or_greater(values.power_of_two())
            .mul(self.spacing);
        // The neighbour is a number of the type, or `end`, so both differences are exact.
        let above = cut.abs().add(spacing).or_infinite_from(self.end);
        let errors = values.sub(cut).abs().or_less(above.sub(values.abs()));
        errors.values()
    }
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn errors(nearest: Nearest, values: &[f32], cut: &[f32], out: &mut [f32]) {
    let ((values, rest), (cut, rest_cut)) = (values.as_chunks(), cut.as_chunks());
    let (out, rest_out) = out.as_chunks_mut();
    for place in 0..values.len() {
        out[place] = nearest.some(&values[place], &cut[place]);
    }
    let (mut last, mut last_cut) = ([0.0; LANES], [0.0; LANES]);
    last[..rest.len()].copy_from_slice(rest);
    last_cut[..rest.len()].copy_from_slice(rest_cut);
    rest_out.copy_from_slice(&nearest.some(&last, &last_cut)[..rest.len()]);
}
