//! Arithmetic with a defined NaN result: the first operand that is NaN, made quiet; if none is, the negative NaN, as on
//! x86. Rust leaves this open, and wasm engines differ.

/// Result of 0 / 0 on x86.
pub const DEFAULT_NAN: u32 = 0xffc0_0000;
/// The default quiet NaN, with a positive sign.
pub const QUIET_NAN: u32 = 0x7fc0_0000;
const QUIET: u32 = 0x0040_0000;

/// `a / b`, with a defined NaN.
pub fn divide(a: f32, b: f32) -> f32 {
    defined(a, b, a / b)
}

/// `a * b`, with a defined NaN.
pub fn multiply(a: f32, b: f32) -> f32 {
    defined(a, b, a * b)
}

fn defined(a: f32, b: f32, result: f32) -> f32 {
    if a.is_nan() {
        f32::from_bits(a.to_bits() | QUIET)
    } else if b.is_nan() {
        f32::from_bits(b.to_bits() | QUIET)
    } else if result.is_nan() {
        f32::from_bits(DEFAULT_NAN)
    } else {
        result
    }
}

/// Rounds half to even; integers, infinity and NaN stay as they are.
pub fn round(value: f32) -> f32 {
    if value.abs() <= 8_388_608.0 {
        super::round(value)
    } else {
        value
    }
}
