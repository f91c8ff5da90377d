//! exp(x) - 1 and tanh in f32, eight values at a time, using only additions and products: the same bits natively and in
//! a browser.

use crate::numeric::f32x8::LANES;

/// exp overflows a little beyond this. Clamping does no harm: a scheme that moves a logit this far is useless anyway.
const LIMIT: f32 = 80.0;

/// exp(x) - 1 with a relative error of about 1e-7, also near 0; x is clamped to +-80.
#[inline(always)]
pub(super) fn exp_m1(x: [f32; LANES]) -> [f32; LANES] {
    let (m1, power) = parts(x);
    let mut out = [0.0; LANES];
    for lane in 0..LANES {
        out[lane] = m1[lane] * power[lane] + (power[lane] - 1.0);
    }
    out
}

/// exp(x); x is clamped to +-80.
#[inline(always)]
pub(super) fn exp(x: [f32; LANES]) -> [f32; LANES] {
    let (m1, power) = parts(x);
    let mut out = [0.0; LANES];
    for lane in 0..LANES {
        out[lane] = m1[lane] * power[lane] + power[lane];
    }
    out
}

/// exp(x) as (1 + m1) * power, where power is a power of two, and 1 for x near 0.
#[inline(always)]
fn parts(x: [f32; LANES]) -> ([f32; LANES], [f32; LANES]) {
    let (mut m1, mut power) = ([0.0; LANES], [0.0; LANES]);
    for lane in 0..LANES {
        let x = x[lane].clamp(-LIMIT, LIMIT);
        // x = k ln 2 + r with |r| <= ln 2 / 2; ln 2 is split in two parts, so that k times the first is exact.
        let k = (x * std::f32::consts::LOG2_E).round_ties_even();
        let r = (x - k * 0.693_359_4) - k * -2.121_944_4e-4;
        // Taylor series of exp(r) - 1: its ninth term is below 1e-9 of the first.
        let mut tail = 1.0 / 40_320.0;
        for factor in [
            1.0 / 5_040.0,
            1.0 / 720.0,
            1.0 / 120.0,
            1.0 / 24.0,
            1.0 / 6.0,
            0.5,
        ] {
            tail = tail * r + factor;
        }
        m1[lane] = r + r * r * tail;
        power[lane] = f32::from_bits(((k as i32 + 127) as u32) << 23);
    }
    (m1, power)
}

/// tanh(x).
pub(super) fn tanh(x: f32) -> f32 {
    let [m1, ..] = exp_m1([2.0 * x.abs().min(20.0); LANES]);
    (m1 / (m1 + 2.0)).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_to_the_exact_functions() {
        for step in -7000..7000 {
            let x = step as f32 * 0.011;
            let exact = f64::from(x).exp_m1();
            let [found, ..] = exp_m1([x; LANES]);
            assert!(
                (f64::from(found) - exact).abs() <= 3e-7 * exact.abs(),
                "exp_m1({x}) = {found}"
            );
            let exact = f64::from(x).exp();
            let [found, ..] = exp([x; LANES]);
            assert!(
                (f64::from(found) - exact).abs() <= 3e-7 * exact,
                "exp({x}) = {found}"
            );
            let exact = f64::from(x).tanh();
            assert!(
                (f64::from(tanh(x)) - exact).abs() <= 3e-7,
                "tanh({x}) = {}",
                tanh(x)
            );
        }
    }
}
