//! Tests over all 65,536 fp16 bit patterns.

use std::cmp::Ordering;

use kvlens::codec::{join, split};
use kvlens::lossy::{round_mantissa, truncate};
use kvlens::metrics::{errors, errors_of_cut};
use kvlens::tensor::{Dtype, Shape, Tensor, bf16_to_f32, f16_to_f32, f32_to_bf16, f32_to_f16};

/// All bit patterns, as one tensor.
fn all(dtype: Dtype) -> Tensor {
    let bytes = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
    Tensor::new(
        dtype,
        Shape {
            seq_len: 64,
            kv_heads: 8,
            head_dim: 128,
        },
        bytes,
    )
    .unwrap()
}

/// The value by its definition, in f64.
fn defined(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, mantissa) = (i32::from((bits >> 10) & 31), f64::from(bits & 0x3ff));
    match exponent {
        0 => sign * mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => sign * f64::INFINITY,
        31 => f64::NAN,
        _ => sign * (1.0 + mantissa / 1024.0) * 2f64.powi(exponent - 15),
    }
}

#[test]
fn values_are_those_of_ieee_754() {
    for bits in 0..=u16::MAX {
        let (value, expected) = (f64::from(f16_to_f32(bits)), defined(bits));
        assert!(
            value == expected || value.is_nan() && expected.is_nan(),
            "{bits:#06x}"
        );
        assert_eq!(value.is_sign_negative(), bits & 0x8000 != 0, "{bits:#06x}");
    }
}

#[test]
fn widening_and_narrowing_gives_the_same_bits() {
    for bits in 0..=u16::MAX {
        let quiet = if bits & 0x7c00 == 0x7c00 && bits & 0x3ff != 0 {
            bits | 0x200
        } else {
            bits
        };
        assert_eq!(f32_to_f16(f16_to_f32(bits)), quiet, "{bits:#06x}");
        let quiet = if bits & 0x7f80 == 0x7f80 && bits & 0x7f != 0 {
            bits | 0x40
        } else {
            bits
        };
        assert_eq!(f32_to_bf16(bf16_to_f32(bits)), quiet, "{bits:#06x}");
    }
}

#[test]
fn between_two_values_the_nearer_one_wins_and_a_tie_goes_to_even() {
    for low in 0..0x7bff_u16 {
        let (a, b) = (f16_to_f32(low), f16_to_f32(low + 1));
        let middle = a + (b - a) / 2.0;
        let even = if low & 1 == 0 { low } else { low + 1 };
        for sign in [0, 0x8000_u16] {
            let signed = |value: f32| if sign == 0 { value } else { -value };
            assert_eq!(f32_to_f16(signed(middle)), even | sign, "{low:#06x}");
            assert_eq!(
                f32_to_f16(signed(middle.next_down())),
                low | sign,
                "{low:#06x}"
            );
            assert_eq!(
                f32_to_f16(signed(middle.next_up())),
                (low + 1) | sign,
                "{low:#06x}"
            );
        }
    }
    assert_eq!(f32_to_f16(65_519.996), 0x7bff);
    assert_eq!(f32_to_f16(65_520.0), 0x7c00);
}

#[test]
fn planes_join_to_the_same_bytes() {
    let tensor = all(Dtype::F16);
    let (hi, lo) = split(&tensor);
    for (bits, (&hi, &lo)) in (0..=u16::MAX).zip(hi.iter().zip(&lo)) {
        assert_eq!([lo, hi], bits.to_le_bytes());
    }
    assert_eq!(join(Dtype::F16, &hi, &lo), tensor.bytes());
}

#[test]
fn truncation_clears_the_last_mantissa_bits_and_no_other() {
    for (dtype, mantissa) in [(Dtype::F16, 10), (Dtype::Bf16, 7)] {
        let tensor = all(dtype);
        for keep in 0..=24 {
            let cleared = mantissa - keep.min(mantissa);
            let truncated = truncate(&tensor, keep);
            for (bits, element) in (0..=u16::MAX).zip(truncated.bytes().as_chunks().0) {
                let expected = bits >> cleared << cleared;
                assert_eq!(
                    u16::from_le_bytes(*element),
                    expected,
                    "{bits:#06x}, {keep} bits"
                );
            }
        }
    }
}

/// For all 16-bit patterns, each as bf16 and fp16: the rounded value is the nearer of the two neighbours with the kept
/// bits, the even one of two equally near ones; infinities and NaN stay.
#[test]
fn rounding_takes_the_nearest_value_of_every_pattern_and_counts_non_finite_ones() {
    for (dtype, mantissa, infinity) in [(Dtype::F16, 10, 0x7c00u16), (Dtype::Bf16, 7, 0x7f80)] {
        let tensor = all(dtype);
        let values = tensor.values();
        let unusual = values.iter().filter(|value| !value.is_finite()).count();
        assert_eq!(tensor.non_finite(), unusual as u64, "{dtype:?}");
        for bits in 1..=mantissa {
            let step = 1u16 << (mantissa - bits);
            let rounded = round_mantissa(&tensor, bits);
            for (pattern, found) in (0..=u16::MAX).zip(rounded.bytes().as_chunks::<2>().0) {
                let found = u16::from_le_bytes(*found);
                let below = pattern & !(step - 1);
                let above = below.wrapping_add(step);
                let expected = if pattern & 0x7fff >= infinity {
                    pattern
                } else if above & 0x7fff >= infinity {
                    below
                } else {
                    let value = |pattern: u16| f64::from(values[usize::from(pattern)]);
                    let (down, up) = (value(pattern) - value(below), value(above) - value(pattern));
                    let nearer_is_above = match down.abs().total_cmp(&up.abs()) {
                        Ordering::Equal => (below / step) % 2 == 1,
                        order => order == Ordering::Greater,
                    };
                    if nearer_is_above { above } else { below }
                };
                assert_eq!(found, expected, "{dtype:?} {pattern:#06x} to {bits} bits");
            }
        }
    }
}

/// The error of rounding, computed from that of cutting off, for every pattern of the 8- and 16-bit types and fp32 ones around all
/// boundaries.
#[test]
fn the_error_of_rounding_is_that_of_the_rounded_value_of_every_pattern() {
    let one = Shape {
        seq_len: 1,
        kv_heads: 1,
        head_dim: 1,
    };
    let patterns = |dtype: Dtype| -> Vec<Vec<u8>> {
        match dtype.size() {
            1 => (0..=u8::MAX).map(|bits| vec![bits]).collect(),
            2 => (0..=u16::MAX)
                .map(|bits| bits.to_le_bytes().to_vec())
                .collect(),
            // Upper halves of all kinds, each with lower halves around the places where rounding changes.
            _ => (0..=u16::MAX)
                .step_by(61)
                .chain([0x7f7f, 0x7f80, 0xff7f, 0xff80, 0x0000, 0x8000, 0x0080])
                .flat_map(|high| {
                    [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff].map(|low| u32::from(high) << 16 | low)
                })
                .map(|bits| bits.to_le_bytes().to_vec())
                .collect(),
        }
    };
    for dtype in [
        Dtype::F16,
        Dtype::Bf16,
        Dtype::F32,
        Dtype::E4m3,
        Dtype::E5m2,
    ] {
        let whole = dtype.mantissa_bits();
        for bits in [1, 2, whole - 1, whole] {
            for pattern in patterns(dtype) {
                let tensor = Tensor::new(dtype, one, pattern.clone()).unwrap();
                let (_, found) = errors_of_cut(&tensor, &truncate(&tensor, bits), bits);
                let rounded = round_mantissa(&tensor, bits);
                let expected = errors(&tensor, [&rounded].as_slice())[0].mae;
                assert!(
                    found == expected || found.is_nan() && expected.is_nan(),
                    "{dtype:?} {pattern:02x?} to {bits} bits: {found}, expected {expected}"
                );
            }
        }
    }
}
