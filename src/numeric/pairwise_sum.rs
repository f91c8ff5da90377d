//! numpy's pairwise f32 sum (`pairwise_sum` in numpy's `loops_utils.h.src`), bit for bit.

/// Up to this many values are summed in eight lanes without recursion.
pub const LEAF: usize = 128;

/// Index at which `len` values are split in two: a multiple of 8.
pub fn half(len: usize) -> usize {
    len / 2 / 8 * 8
}

/// Sum of the eight lanes, in numpy's order.
#[inline(always)]
pub fn fold(r: [f32; 8]) -> f32 {
    ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
}

/// Sum of `f` over the values.
pub fn pairwise_sum(values: &[f32], f: impl Fn(f32) -> f32 + Copy) -> f32 {
    if values.len() > LEAF {
        let (left, right) = values.split_at(half(values.len()));
        return pairwise_sum(left, f) + pairwise_sum(right, f);
    }
    let (lanes, rest) = values.as_chunks::<8>();
    let mut sum = -0.0;
    if !lanes.is_empty() {
        let mut r = [-0.0f32; 8];
        for values in lanes {
            for lane in 0..8 {
                r[lane] += f(values[lane]);
            }
        }
        sum = fold(r);
    }
    rest.iter().fold(sum, |sum, &value| sum + f(value))
}

/// Sum of `f` over the values followed by zeros, `len` values in all; `f(0)` must be 0.
pub fn pairwise_sum_padded(values: &[f32], len: usize, f: impl Fn(f32) -> f32 + Copy) -> f32 {
    if values.len() == len {
        return pairwise_sum(values, f);
    }
    if len > LEAF {
        let half = half(len);
        let (left, right) = values.split_at(half.min(values.len()));
        let left = pairwise_sum_padded(left, half, f);
        return if right.is_empty() {
            left
        } else {
            left + pairwise_sum_padded(right, len - half, f)
        };
    }
    let mut padded = [0.0; LEAF];
    padded[..values.len()].copy_from_slice(values);
    pairwise_sum(&padded[..len], f)
}

/// A key for the order of additions of `filled` values padded with zeros to `len`: equal keys mean the same order.
pub fn pairwise_order(filled: usize, mut len: usize) -> usize {
    while len > LEAF && filled <= half(len) {
        len = half(len);
    }
    // Within a leaf, complete rows of lanes add alike, and so do rows of zeros.
    if len <= LEAF && filled.is_multiple_of(8) {
        filled
    } else {
        len
    }
}

/// `sum / n` rounded as in numpy's mean: divided in f64, then rounded to f32.
pub fn mean(sum: f32, n: usize) -> f32 {
    (f64::from(sum) / n as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number of values, and the bits of their sum by numpy 2.4.6.
    const NUMPY_SUMS: [(usize, u32); 14] = [
        (1, 0xc4480000),
        (7, 0xc416a310),
        (8, 0xc455cd8a),
        (9, 0xc28df8f8),
        (64, 0x4516e22c),
        (127, 0x45747c8c),
        (128, 0x4575e660),
        (129, 0x454f42e2),
        (136, 0x458dab85),
        (1000, 0x4717a524),
        (1024, 0x47174f87),
        (4097, 0x481b9c64),
        (24576, 0x4968c5d5),
        (40000, 0x49bdb22c),
    ];

    #[test]
    fn equals_numpy() {
        let values: Vec<f32> = (0..40_000u32)
            .map(|i| ((i.wrapping_mul(2_654_435_761) >> 8) as f32 - 8e6) * 1e-4)
            .collect();
        for (len, expected) in NUMPY_SUMS {
            assert_eq!(
                pairwise_sum(&values[..len], |x| x).to_bits(),
                expected,
                "{len} values"
            );
        }
    }

    #[test]
    fn equal_orders_give_equal_sums() {
        let values: Vec<f32> = (0..300u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 12) as f32 * 1e-3)
            .collect();
        let sum =
            |filled: usize, len| pairwise_sum_padded(&values[..filled], len, |x| x * x).to_bits();
        // A block has at least one value.
        for filled in 1..300 {
            for (a, b) in (filled..700)
                .flat_map(|a| [(a, a + 1), (a, 2 * a), (a, 512)])
                .filter(|&(_, b)| b >= filled)
            {
                if pairwise_order(filled, a) == pairwise_order(filled, b) {
                    assert_eq!(sum(filled, a), sum(filled, b), "{filled} of {a} and of {b}");
                }
            }
        }
        assert_eq!(pairwise_order(64, 64), pairwise_order(64, 256));
        assert_eq!(pairwise_order(128, 128), pairwise_order(128, 256));
    }

    #[test]
    fn padding_adds_zeros_to_the_same_tree() {
        let values: Vec<f32> = (0..700u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 12) as f32 * 1e-3)
            .collect();
        for len in [1, 5, 8, 13, 80, 100, 127, 128, 129, 200, 256, 300, 512, 700] {
            for filled in [0, 1, 7, 8, 80, 99, 128, 150, 200, 299] {
                let filled = filled.min(len);
                let mut padded = values[..filled].to_vec();
                padded.resize(len, 0.0);
                let expected = pairwise_sum(&padded, |x| x * x);
                assert_eq!(
                    pairwise_sum_padded(&values[..filled], len, |x| x * x).to_bits(),
                    expected.abs().to_bits(),
                    "{filled} of {len}"
                );
            }
        }
    }
}
