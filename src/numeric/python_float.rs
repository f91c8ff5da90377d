//! Python's formatting of floats: the output of `str(x)` and `f"{x:.3f}"`.

/// Shortest decimal text that parses to the same f64, in Python's form: `0.1`, `1.0`, `1e-05`, `1.5e+16`, `nan`,
/// `-inf`.
pub fn text(value: f64) -> String {
    if !value.is_finite() {
        return special(value);
    }
    let scientific = shortest(value);
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    let decimals = (digits.trim_start_matches('-').len() as i32 - 2).max(0) - exponent;
    format!("{value:.*}", decimals.max(1) as usize)
}

/// Shortest digits, in scientific form. Of two that are equally short and near, Python takes the even one, Rust the
/// larger.
fn shortest(value: f64) -> String {
    let text = format!("{value:e}");
    let digits = text
        .bytes()
        .take_while(|&byte| byte != b'e')
        .filter(u8::is_ascii_digit)
        .count();
    let nearest = format!("{value:.*e}", digits.saturating_sub(1));
    if nearest.parse() == Ok(value) {
        nearest
    } else {
        text
    }
}

/// Fixed-point text with this many decimals, rounding the exact value half to even.
pub fn fixed(value: f64, decimals: usize) -> String {
    if value.is_finite() {
        format!("{value:.decimals$}")
    } else {
        special(value)
    }
}

fn special(value: f64) -> String {
    if value.is_nan() {
        "nan".to_owned()
    } else if value > 0.0 {
        "inf".to_owned()
    } else {
        "-inf".to_owned()
    }
}

/// A number of a JSON text as Python writes it. serde_json's own formatting would add another 10 KB of powers of ten to
/// a wasm module.
pub fn json_number(number: &serde_json::Number) -> String {
    let whole = number.as_i64().map(|value| value.to_string());
    let whole = whole.or_else(|| number.as_u64().map(|value| value.to_string()));
    whole.unwrap_or_else(|| text(number.as_f64().unwrap_or(f64::NAN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_text() {
        for (value, expected) in [
            (0.1, "0.1"),
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.001_618_385_314_941_406_3, "0.0016183853149414062"),
            (-85.073_883_056_640_63, "-85.07388305664062"),
            (9.775_161_743_164_063e-6, "9.775161743164062e-06"),
            (123_456_789.0, "123456789.0"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (1.234e-10, "1.234e-10"),
            (5e-324, "5e-324"),
            (1e15, "1000000000000000.0"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (1.5e16, "1.5e+16"),
            (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
            (f64::NAN, "nan"),
            (-f64::NAN, "nan"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(text(value), expected);
        }
    }

    #[test]
    fn fixed_decimals_round_half_to_even_on_the_exact_value() {
        for (value, decimals, expected) in [
            (0.0005, 3, "0.001"),
            (2.0625, 3, "2.062"),
            (2.0635, 3, "2.063"),
            (0.125, 2, "0.12"),
            (-0.0, 3, "-0.000"),
        ] {
            assert_eq!(fixed(value, decimals), expected);
        }
        assert_eq!(fixed(f64::NAN, 6), "nan");
        assert_eq!(fixed(f64::INFINITY, 6), "inf");
    }
}
