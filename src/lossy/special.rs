//! Arithmetic that says which NaN comes out: the first operand that is one, made quiet; else, where none goes in, the negative
//! one, as x86 does. Rust leaves this open, and wasm engines differ.

/// What x86 gives for 0 / 0.
pub const DEFAULT_NAN: u32 = 0xffc0_0000;
/// The NaN that a processor makes a number into when it has no other to go by, without a sign.
pub const QUIET_NAN: u32 = 0x7fc0_0000;
const QUIET: u32 = 0x0040_0000;

/// `a / b`.
pub fn divide(a: f32, b: f32) -> f32 {
    defined(a, b, a / b)
}

/// `a * b`.
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

/// Half to even; what is no fraction, or no number, as it is.
pub fn round(value: f32) -> f32 {
    if value.abs() <= 8_388_608.0 {
        super::round(value)
    } else {
        value
    }
}
