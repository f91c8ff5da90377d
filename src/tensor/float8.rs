//! The two float8 formats of OCP ("OFP8", 2023) to and from binary32, rounding to nearest even.
//!
//! No maintained crate has both with the overflow behaviour of PyTorch and `ml_dtypes`: NaN for e4m3, which has no
//! infinity, and infinity for e5m2. Tests compare every code with half's binary16, whose upper byte e5m2 is.

/// Value of an e4m3 bit pattern (`float8_e4m3fn`): 1 sign, 4 exponent, 3 mantissa bits, up to 448, no infinity.
#[inline]
pub fn e4m3_to_f32(bits: u8) -> f32 {
    let magnitude = u32::from(bits & 0x7f);
    // Exponent and mantissa shifted into place: a value too small by a factor of 2^120, exact for subnormals too.
    let scaled = f32::from_bits(magnitude << 20) * f32::from_bits(0x7b80_0000);
    let special = if magnitude == 0x7f { 0x7fc0_0000 } else { 0 };
    f32::from_bits(scaled.to_bits() | special | sign(bits))
}

/// The e4m3 bit pattern nearest to `value`, ties to even; NaN beyond 464, halfway to the first value that has no code.
#[inline]
pub fn f32_to_e4m3(value: f32) -> u8 {
    let rounded = round(value.abs(), 3, 127 - 6);
    let code = if rounded > 0x7e { 0x7f } else { rounded };
    code as u8 | (value.to_bits() >> 24) as u8 & 0x80
}

/// Value of an e5m2 bit pattern: 1 sign, 5 exponent, 2 mantissa bits, up to 57,344; the upper byte of a binary16.
#[inline]
pub fn e5m2_to_f32(bits: u8) -> f32 {
    super::f16_to_f32(u16::from(bits) << 8)
}

/// The e5m2 bit pattern nearest to `value`, ties to even; infinity beyond 61,440.
#[inline]
pub fn f32_to_e5m2(value: f32) -> u8 {
    let magnitude = value.abs();
    let code = if value.is_nan() {
        0x7e | (magnitude.to_bits() >> 21) & 1
    } else {
        round(magnitude, 2, 127 - 14).min(0x7c)
    };
    code as u8 | (value.to_bits() >> 24) as u8 & 0x80
}

/// Exponent and mantissa bits of a magnitude, rounded to `mantissa` mantissa bits. `min_exponent` is the binary32
/// exponent field of the target's smallest normal value. A magnitude that is too large gives a result beyond all codes.
#[inline]
fn round(magnitude: f32, mantissa: u32, min_exponent: u32) -> u32 {
    let bits = magnitude.to_bits();
    if bits < min_exponent << 23 {
        // Aligns the last bit of a subnormal with that of the sum, so that the FPU rounds it to nearest even.
        let aligned = (min_exponent + 23 - mantissa) << 23;
        return (magnitude + f32::from_bits(aligned)).to_bits() - aligned;
    }
    let dropped = 23 - mantissa;
    let odd = (bits >> dropped) & 1;
    let rounded = (bits + (1 << (dropped - 1)) - 1 + odd) >> dropped;
    rounded - ((min_exponent - 1) << mantissa)
}

fn sign(bits: u8) -> u32 {
    u32::from(bits & 0x80) << 24
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finite values of a format, with their codes.
    fn finite(value: fn(u8) -> f32) -> Vec<(u8, f32)> {
        let all = (0..0x80).map(|code| (code, value(code)));
        all.filter(|(_, value)| value.is_finite()).collect()
    }

    #[test]
    fn e5m2_is_the_upper_byte_of_a_binary16() {
        for code in 0..=u8::MAX {
            let (ours, half) = (
                e5m2_to_f32(code),
                half::f16::from_bits(u16::from(code) << 8).to_f32(),
            );
            assert!(
                ours == half || ours.is_nan() && half.is_nan(),
                "{code:#04x}"
            );
        }
    }

    #[test]
    fn e4m3_values_are_those_of_the_definition() {
        assert_eq!(e4m3_to_f32(0x7e), 448.0);
        assert_eq!(e4m3_to_f32(0x01), 2f32.powi(-9));
        for code in 0..0x7f_u8 {
            let (exponent, mantissa) = (i32::from(code >> 3), f32::from(code & 7));
            let expected = match exponent {
                0 => mantissa * 2f32.powi(-9),
                _ => (1.0 + mantissa / 8.0) * 2f32.powi(exponent - 7),
            };
            assert_eq!(e4m3_to_f32(code), expected, "{code:#04x}");
            assert_eq!(e4m3_to_f32(code | 0x80), -expected);
        }
        assert!(e4m3_to_f32(0x7f).is_nan() && e4m3_to_f32(0xff).is_nan());
    }

    #[test]
    fn every_code_comes_back_and_halfway_goes_to_the_even_one() {
        type Format = (fn(u8) -> f32, fn(f32) -> u8);
        let formats: [Format; 2] = [(e4m3_to_f32, f32_to_e4m3), (e5m2_to_f32, f32_to_e5m2)];
        for (value, code) in formats {
            let finite = finite(value);
            for &(bits, value) in &finite {
                assert_eq!((code(value), code(-value)), (bits, bits | 0x80));
            }
            for pair in finite.windows(2) {
                let middle = (pair[0].1 + pair[1].1) / 2.0;
                let even = if pair[0].0 & 1 == 0 {
                    pair[0].0
                } else {
                    pair[1].0
                };
                assert_eq!(code(middle), even);
                assert_eq!(code(middle.next_down()), pair[0].0);
                assert_eq!(code(middle.next_up()), pair[1].0);
            }
        }
    }

    #[test]
    fn what_is_too_large_is_nan_or_infinite() {
        assert_eq!(
            [464.0, 464.1, f32::INFINITY, f32::NAN].map(f32_to_e4m3),
            [0x7e, 0x7f, 0x7f, 0x7f]
        );
        assert_eq!(
            [61_439.0, 61_440.0, f32::INFINITY].map(f32_to_e5m2),
            [0x7b, 0x7c, 0x7c]
        );
        assert!(e5m2_to_f32(f32_to_e5m2(f32::NAN)).is_nan());
    }
}
