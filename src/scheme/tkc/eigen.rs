//! Eigenvectors of a symmetric matrix, with the same bits on every machine.
//!
//! Householder's reduction to a tridiagonal matrix, then QL with implicit shifts: Golub and Van Loan, "Matrix Computations", 8.3. Vectors
//! are stored as rows, so that all loops run along rows. Linear algebra crates use fused multiply-add where the machine has it, which
//! changes bits.

use multiversion::multiversion;

use super::matrix::{add_scaled, dot};

/// Largest number of QL steps for one eigenvalue; two or three are usual.
const MAX_STEPS: usize = 50;

/// Eigenvalues of the symmetric `matrix` `[size, size]`, in descending order, and their eigenvectors as rows.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn eigenvectors(mut matrix: Vec<f64>, size: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut diagonal, mut beside) = (vec![0.0; size], vec![0.0; size]);
    let mut vectors = tridiagonal(&mut matrix, size, &mut diagonal, &mut beside);
    ql(&mut diagonal, &mut beside, &mut vectors, size);
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|a: &usize, b: &usize| diagonal[*b].total_cmp(&diagonal[*a]));
    let row = |&row: &usize| vectors[row * size..][..size].iter().copied();
    let values = order.iter().map(|&place| diagonal[place]).collect();
    (values, order.iter().flat_map(row).collect())
}

/// Reduces `matrix` to tridiagonal form; returns its diagonal, its off-diagonal (from index 0), and the rows of the orthogonal transform.
#[inline(always)]
fn tridiagonal(
    matrix: &mut [f64],
    size: usize,
    diagonal: &mut [f64],
    beside: &mut [f64],
) -> Vec<f64> {
    // The vector of reflector k replaces row k, from column k + 1 on.
    let mut factors = vec![0.0; size];
    let mut p = vec![0.0; size];
    for k in 0..size.saturating_sub(1) {
        let (above, below) = matrix.split_at_mut((k + 1) * size);
        let row = &mut above[k * size..];
        diagonal[k] = row[k];
        let v = &mut row[k + 1..];
        let norm = dot(v, v).sqrt();
        let alpha = if v[0] > 0.0 { -norm } else { norm };
        beside[k] = alpha;
        v[0] -= alpha;
        let square = dot(v, v);
        if square < f64::MIN_POSITIVE || k + 2 == size {
            // Nothing to reflect; in the last step, a row of one value is already in place.
            beside[k] = v[0] + alpha;
            v.fill(0.0);
            continue;
        }
        let factor = 2.0 / square;
        factors[k] = factor;
        let p = &mut p[..size - k - 1];
        for (p, row) in p.iter_mut().zip(below.chunks_exact(size)) {
            *p = factor * dot(&row[k + 1..], v);
        }
        let half = 0.5 * factor * dot(p, v);
        add_scaled(p, -half, v);
        for (i, row) in below.chunks_exact_mut(size).enumerate() {
            let (vi, pi) = (v[i], p[i]);
            for ((a, v), p) in row[k + 1..].iter_mut().zip(&*v).zip(&*p) {
                *a -= vi * p + pi * v;
            }
        }
    }
    diagonal[size - 1] = matrix[size * size - 1];
    // The product of the reflectors, from the last to the first: each leaves rows and columns up to k unchanged.
    let mut q = vec![0.0; size * size];
    (0..size).for_each(|i| q[i * size + i] = 1.0);
    let mut u = vec![0.0; size];
    for k in (0..size.saturating_sub(1)).rev() {
        let v = &matrix[k * size + k + 1..(k + 1) * size];
        let rows = &mut q[(k + 1) * size..];
        let u = &mut u[..size - k - 1];
        u.fill(0.0);
        for (row, v) in rows.chunks_exact(size).zip(v) {
            add_scaled(u, *v, &row[k + 1..]);
        }
        for (row, v) in rows.chunks_exact_mut(size).zip(v) {
            add_scaled(&mut row[k + 1..], -factors[k] * v, u);
        }
    }
    for i in 0..size {
        for j in 0..i {
            q.swap(i * size + j, j * size + i);
        }
    }
    q
}

/// Diagonalizes a tridiagonal matrix, and applies the rotations to the rows of `vectors`.
#[inline(always)]
fn ql(d: &mut [f64], e: &mut [f64], vectors: &mut [f64], size: usize) {
    let hypot = |a: f64, b: f64| (a * a + b * b).sqrt();
    for l in 0..size {
        for _ in 0..MAX_STEPS {
            let small = |m: usize| e[m].abs() <= f64::EPSILON * (d[m].abs() + d[m + 1].abs());
            let m = (l..size - 1).find(|&m| small(m)).unwrap_or(size - 1);
            if m == l {
                break;
            }
            let mut g = (d[l + 1] - d[l]) / (2.0 * e[l]);
            let mut r = hypot(g, 1.0);
            g = d[m] - d[l] + e[l] / (g + if g < 0.0 { -r } else { r });
            let (mut sin, mut cos, mut p) = (1.0, 1.0, 0.0);
            let mut broke = false;
            for i in (l..m).rev() {
                let (f, b) = (sin * e[i], cos * e[i]);
                r = hypot(f, g);
                e[i + 1] = r;
                if r == 0.0 {
                    d[i + 1] -= p;
                    e[m] = 0.0;
                    broke = true;
                    break;
                }
                (sin, cos) = (f / r, g / r);
                g = d[i + 1] - p;
                r = (d[i] - g) * sin + 2.0 * cos * b;
                p = sin * r;
                d[i + 1] = g + p;
                g = cos * r - b;
                let (low, high) = vectors[i * size..].split_at_mut(size);
                for (low, high) in low.iter_mut().zip(high) {
                    let f = *high;
                    *high = sin * *low + cos * f;
                    *low = cos * *low - sin * f;
                }
            }
            if !broke {
                d[l] -= p;
                e[l] = g;
                e[m] = 0.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A covariance whose eigenvalues span four decades.
    fn covariance(size: usize) -> Vec<f64> {
        let value = |i: usize, j: usize| ((i * 37 + j * 101 + i * j) % 17) as f64 - 8.0;
        let mut matrix = vec![0.0; size * size];
        for k in 0..2 * size {
            let scale = 1.0 / (1.0 + k as f64).powi(2);
            for i in 0..size {
                for j in 0..size {
                    matrix[i * size + j] += scale * value(i, k) * value(j, k);
                }
            }
        }
        matrix
    }

    #[test]
    fn vectors_are_orthonormal_and_the_matrix_only_scales_them() {
        for size in [1, 2, 3, 7, 16, 61] {
            let matrix = covariance(size);
            let (_, vectors) = eigenvectors(matrix.clone(), size);
            let rows: Vec<&[f64]> = vectors.chunks_exact(size).collect();
            let mut last = f64::INFINITY;
            for (i, row) in rows.iter().enumerate() {
                for (j, other) in rows.iter().enumerate() {
                    let expected = f64::from(i == j);
                    assert!(
                        (dot(row, other) - expected).abs() < 1e-10,
                        "{size}: {i} {j}"
                    );
                }
                let image: Vec<f64> = matrix.chunks_exact(size).map(|m| dot(m, row)).collect();
                let value = dot(&image, row);
                assert!(value <= last + 1e-9, "falling eigenvalues");
                last = value;
                for (image, v) in image.iter().zip(*row) {
                    assert!(
                        (image - value * v).abs() < 1e-9 * (1.0 + matrix[0]),
                        "{size}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_matrix_of_zeros_and_a_diagonal_one_are_fine() {
        let (_, vectors) = eigenvectors(vec![0.0; 25], 5);
        assert!(vectors.iter().all(|v| v.is_finite()));
        let mut diagonal = vec![0.0; 9];
        (diagonal[0], diagonal[4], diagonal[8]) = (1.0, 3.0, 2.0);
        let (values, vectors) = eigenvectors(diagonal, 3);
        assert_eq!(values, [3.0, 2.0, 1.0]);
        assert_eq!(
            vectors.iter().map(|v| v.abs()).collect::<Vec<_>>(),
            [0., 1., 0., 0., 0., 1., 1., 0., 0.]
        );
    }
}
