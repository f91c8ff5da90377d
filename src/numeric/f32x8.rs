//! Eight f32 values with lane-wise arithmetic, each as it would be on its own.
//!
//! Natively an array: LLVM vectorizes the loops. For wasm it vectorizes only additions and moves the values one by one
//! in and out of vectors for all else, so there they are vectors from the start.

#[cfg(not(target_arch = "wasm32"))]
pub use array::F32x8;
#[cfg(target_arch = "wasm32")]
pub use simd128::F32x8;

/// Number of lanes.
pub const LANES: usize = 8;

/// Exponent bits of an f32.
const EXPONENT: u32 = 0x7f80_0000;

#[cfg(not(target_arch = "wasm32"))]
mod array {
    use super::{EXPONENT, LANES};

    /// Applies `op` to each pair of lanes. A loop, not `array::from_fn`: what that calls is not always inlined into
    /// functions compiled for AVX2, and then takes four times as long.
    #[inline(always)]
    fn each(a: [f32; LANES], b: [f32; LANES], op: impl Fn(f32, f32) -> f32) -> F32x8 {
        let mut out = [0.0; LANES];
        for lane in 0..LANES {
            out[lane] = op(a[lane], b[lane]);
        }
        F32x8(out)
    }

    /// Eight f32 lanes.
    #[derive(Clone, Copy)]
    pub struct F32x8([f32; LANES]);

    impl F32x8 {
        #[inline(always)]
        pub fn splat(value: f32) -> Self {
            Self([value; LANES])
        }

        #[inline(always)]
        pub fn of(values: &[f32; LANES]) -> Self {
            Self(*values)
        }

        #[inline(always)]
        pub fn values(self) -> [f32; LANES] {
            self.0
        }

        #[inline(always)]
        pub fn add(self, other: Self) -> Self {
            each(self.0, other.0, |a, b| a + b)
        }

        #[inline(always)]
        pub fn sub(self, other: Self) -> Self {
            each(self.0, other.0, |a, b| a - b)
        }

        #[inline(always)]
        pub fn mul(self, other: Self) -> Self {
            each(self.0, other.0, |a, b| a * b)
        }

        #[inline(always)]
        pub fn abs(self) -> Self {
            each(self.0, self.0, |a, _| a.abs())
        }

        /// Lane-wise maximum; if either lane is NaN, that of `self`.
        #[inline(always)]
        pub fn or_greater(self, other: Self) -> Self {
            each(self.0, other.0, |a, b| if a < b { b } else { a })
        }

        /// Lane-wise minimum; if either lane is NaN, that of `self`.
        #[inline(always)]
        pub fn or_less(self, other: Self) -> Self {
            each(self.0, other.0, |a, b| if b < a { b } else { a })
        }

        /// Infinity in lanes that are at least `limit`.
        #[inline(always)]
        pub fn or_infinite_from(self, limit: Self) -> Self {
            each(
                self.0,
                limit.0,
                |a, b| if a >= b { f32::INFINITY } else { a },
            )
        }

        /// The greatest power of two in each lane's magnitude: 0 for subnormal numbers, infinity for NaN.
        #[inline(always)]
        pub fn power_of_two(self) -> Self {
            each(self.0, self.0, |a, _| {
                f32::from_bits(a.to_bits() & EXPONENT)
            })
        }
    }
}

#[cfg(target_arch = "wasm32")]
mod simd128 {
    use super::{EXPONENT, LANES};
    use std::arch::wasm32::{
        f32x4, f32x4_abs, f32x4_add, f32x4_extract_lane as lane, f32x4_ge, f32x4_mul, f32x4_pmax,
        f32x4_pmin, f32x4_splat, f32x4_sub, u32x4_splat, v128, v128_and, v128_bitselect,
    };

    /// Eight f32 lanes.
    #[derive(Clone, Copy)]
    pub struct F32x8(v128, v128);

    impl F32x8 {
        #[inline(always)]
        pub fn splat(value: f32) -> Self {
            Self(f32x4_splat(value), f32x4_splat(value))
        }

        #[inline(always)]
        pub fn of(v: &[f32; LANES]) -> Self {
            Self(f32x4(v[0], v[1], v[2], v[3]), f32x4(v[4], v[5], v[6], v[7]))
        }

        #[inline(always)]
        pub fn values(self) -> [f32; LANES] {
            let Self(a, b) = self;
            [
                lane::<0>(a),
                lane::<1>(a),
                lane::<2>(a),
                lane::<3>(a),
                lane::<0>(b),
                lane::<1>(b),
                lane::<2>(b),
                lane::<3>(b),
            ]
        }

        #[inline(always)]
        pub fn add(self, other: Self) -> Self {
            Self(f32x4_add(self.0, other.0), f32x4_add(self.1, other.1))
        }

        #[inline(always)]
        pub fn sub(self, other: Self) -> Self {
            Self(f32x4_sub(self.0, other.0), f32x4_sub(self.1, other.1))
        }

        #[inline(always)]
        pub fn mul(self, other: Self) -> Self {
            Self(f32x4_mul(self.0, other.0), f32x4_mul(self.1, other.1))
        }

        #[inline(always)]
        pub fn abs(self) -> Self {
            Self(f32x4_abs(self.0), f32x4_abs(self.1))
        }

        /// Lane-wise maximum; if either lane is NaN, that of `self`.
        #[inline(always)]
        pub fn or_greater(self, other: Self) -> Self {
            Self(f32x4_pmax(self.0, other.0), f32x4_pmax(self.1, other.1))
        }

        /// Lane-wise minimum; if either lane is NaN, that of `self`.
        #[inline(always)]
        pub fn or_less(self, other: Self) -> Self {
            Self(f32x4_pmin(self.0, other.0), f32x4_pmin(self.1, other.1))
        }

        /// Infinity in lanes that are at least `limit`.
        #[inline(always)]
        pub fn or_infinite_from(self, limit: Self) -> Self {
            let infinite = f32x4_splat(f32::INFINITY);
            let part = |a, limit| v128_bitselect(infinite, a, f32x4_ge(a, limit));
            Self(part(self.0, limit.0), part(self.1, limit.1))
        }

        /// The greatest power of two in each lane's magnitude: 0 for subnormal numbers, infinity for NaN.
        #[inline(always)]
        pub fn power_of_two(self) -> Self {
            let exponent = u32x4_splat(EXPONENT);
            Self(v128_and(self.0, exponent), v128_and(self.1, exponent))
        }
    }
}
