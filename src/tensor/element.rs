//! Element types as Rust types, for loops that are monomorphized for each of them.

use std::ops::BitAnd;

use super::float8::{e4m3_to_f32, e5m2_to_f32, f32_to_e4m3, f32_to_e5m2};
use super::float16::{bf16_to_f32, f16_to_f32, f32_to_bf16, f32_to_f16, f64_to_f32_odd};
use half::{bf16, f16};

/// An element type: its size, and its conversion to and from f32.
pub trait Element {
    /// Bytes per element.
    const SIZE: usize;

    /// Largest finite value.
    const MAX_VALUE: f32;

    /// Bit pattern of an element.
    type Bits: Copy + Default + Ord + BitAnd<Output = Self::Bits>;

    /// Mask of all bits but the sign: masked patterns compare as the magnitudes do, with NaN as the largest.
    const MAGNITUDE: Self::Bits;

    /// Bit pattern in the first `SIZE` bytes.
    fn bits(bytes: &[u8]) -> Self::Bits;

    /// Writes a bit pattern to the first `SIZE` bytes.
    fn put_bits(bits: Self::Bits, bytes: &mut [u8]);

    /// Bit pattern of the element nearest to `value`, ties to even.
    fn bits_of(value: f32) -> Self::Bits;

    /// Value of a bit pattern.
    fn value(bits: Self::Bits) -> f32;

    /// Value in the first `SIZE` bytes.
    #[inline(always)]
    fn get(bytes: &[u8]) -> f32 {
        Self::value(Self::bits(bytes))
    }

    /// Writes the element nearest to `value` (ties to even) to the first `SIZE` bytes.
    #[inline(always)]
    fn put(value: f32, bytes: &mut [u8]) {
        Self::put_bits(Self::bits_of(value), bytes);
    }

    /// Bit pattern of the element nearest to `value`, ties to even, rounded once.
    fn nearest_bits(value: f64) -> Self::Bits;

    /// Value, as f32, of the element nearest to `value`, rounded once.
    #[inline(always)]
    fn nearest(value: f64) -> f32 {
        Self::value(Self::nearest_bits(value))
    }
}

/// OCP float8 e4m3. Stands for a type, since no crate has one.
pub enum E4m3 {}
/// OCP float8 e5m2.
pub enum E5m2 {}

macro_rules! element {
    ($element:ty, $bits:ty, $size:literal, $most:expr, $value:expr, $bits_of:expr, $nearest_bits:expr) => {
        impl Element for $element {
            const SIZE: usize = $size;
            const MAX_VALUE: f32 = $most;
            type Bits = $bits;
            const MAGNITUDE: $bits = <$bits>::MAX >> 1;

            #[inline(always)]
            fn bits(bytes: &[u8]) -> $bits {
                let mut element = [0; $size];
                element.copy_from_slice(&bytes[..$size]);
                <$bits>::from_le_bytes(element)
            }

            #[inline(always)]
            fn put_bits(bits: $bits, bytes: &mut [u8]) {
                bytes[..$size].copy_from_slice(&bits.to_le_bytes());
            }

            #[inline(always)]
            fn bits_of(value: f32) -> $bits {
                $bits_of(value)
            }

            #[inline(always)]
            fn value(bits: $bits) -> f32 {
                $value(bits)
            }

            #[inline(always)]
            fn nearest_bits(value: f64) -> $bits {
                $nearest_bits(value)
            }
        }
    };
}

element!(f16, u16, 2, 65504.0, f16_to_f32, f32_to_f16, |value| {
    f32_to_f16(f64_to_f32_odd(value))
});
element!(
    bf16,
    u16,
    2,
    3.389_531_4e38,
    bf16_to_f32,
    f32_to_bf16,
    |value| f32_to_bf16(f64_to_f32_odd(value))
);
element!(
    f32,
    u32,
    4,
    f32::MAX,
    f32::from_bits,
    f32::to_bits,
    |value| (value as f32).to_bits()
);
element!(E4m3, u8, 1, 448.0, e4m3_to_f32, f32_to_e4m3, |value| {
    f32_to_e4m3(f64_to_f32_odd(value))
});
element!(E5m2, u8, 1, 57344.0, e5m2_to_f32, f32_to_e5m2, |value| {
    f32_to_e5m2(f64_to_f32_odd(value))
});

/// Runs `$body` with `$element` as the type for the [`Dtype`] `$dtype`.
macro_rules! with_element {
    ($dtype:expr, $element:ident => $body:expr) => {
        match $dtype {
            $crate::tensor::Dtype::F16 => {
                type $element = half::f16;
                $body
            }
            $crate::tensor::Dtype::Bf16 => {
                type $element = half::bf16;
                $body
            }
            $crate::tensor::Dtype::F32 => {
                type $element = f32;
                $body
            }
            $crate::tensor::Dtype::E4m3 => {
                type $element = $crate::tensor::E4m3;
                $body
            }
            $crate::tensor::Dtype::E5m2 => {
                type $element = $crate::tensor::E5m2;
                $body
            }
        }
    };
}
pub(crate) use with_element;
