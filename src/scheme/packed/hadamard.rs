//! The orthonormal Hadamard transform over head_dim (a power of two) that QuaRot and llama.cpp apply before a packed format: it spreads
//! outliers over all channels. It is its own inverse. TurboQuant flips fixed signs before it.

use multiversion::multiversion;

/// Transforms every vector of `dim` values in place.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
pub(super) fn transform(values: &mut [f32], dim: usize) {
    let scale = 1.0 / (dim as f32).sqrt();
    for vector in values.chunks_exact_mut(dim.max(1)) {
        let mut half = 1;
        while half < dim {
            for pair in vector.chunks_exact_mut(2 * half) {
                let (left, right) = pair.split_at_mut(half);
                for (a, b) in left.iter_mut().zip(right) {
                    (*a, *b) = (*a + *b, *a - *b);
                }
            }
            half *= 2;
        }
        for value in vector {
            *value *= scale;
        }
    }
}

/// Negates the values of the columns that [`flips`] selects.
pub(super) fn flip(values: &mut [f32], dim: usize) {
    let signs: Vec<u32> = (0..dim as u32)
        .map(|column| u32::from(flips(column)) << 31)
        .collect();
    for vector in values.chunks_exact_mut(dim.max(1)) {
        for (value, sign) in vector.iter_mut().zip(&signs) {
            *value = f32::from_bits(value.to_bits() ^ sign);
        }
    }
}

/// Whether a column is negated: the top bit of its index after MurmurHash3's finalizer.
fn flips(column: u32) -> bool {
    let mut hash = column.wrapping_add(0x9e37_79b9);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)) >> 31 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_undoes_itself_and_keeps_lengths() {
        for dim in [1, 2, 64, 128] {
            let values: Vec<f32> = (0..3 * dim as u32)
                .map(|i| (i.wrapping_mul(2_654_435_761) >> 20) as f32 - 2000.0)
                .collect();
            let mut there = values.clone();
            flip(&mut there, dim);
            transform(&mut there, dim);
            let square = |values: &[f32]| values.iter().map(|&x| f64::from(x * x)).sum::<f64>();
            assert!((square(&there) / square(&values) - 1.0).abs() < 1e-5);
            transform(&mut there, dim);
            flip(&mut there, dim);
            for (a, b) in values.iter().zip(&there) {
                assert!((a - b).abs() < 1e-2, "{a} {b}");
            }
        }
    }

    #[test]
    fn about_half_of_the_signs_flip() {
        let flipped = (0..128).filter(|&column| flips(column)).count();
        assert!((48..=80).contains(&flipped), "{flipped}");
    }
}
