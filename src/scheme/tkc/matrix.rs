//! Products of small dense matrices, summed in one order whatever the machine: every value is a chain of plain products and sums, and
//! only values beside each other are computed at once.

use multiversion::multiversion;

/// Rows and columns that are held in registers while one sum runs.
const ROWS: usize = 4;
const COLUMNS: usize = 16;

/// `out = a * b`, where `a` is `[rows, inner]` and `b` `[inner, columns]`; `b` starts at column `first` of rows of `stride` values, and
/// so do `a` and `out`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    /// Values in a row of `a` and of `out`.
    pub stride: usize,
    /// Where the columns of `a` and `out` that take part begin.
    pub first: usize,
    /// Rows and columns of `b`, which is square.
    pub size: usize,
}

/// Multiplies the columns `first..first + size` of `a` by the square matrix `b`.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn multiply(product: Product, a: &[f32], b: &[f32], out: &mut [f32]) {
    let Product {
        stride,
        first,
        size,
    } = product;
    let mut rows = a.chunks_exact(ROWS * stride);
    let mut outs = out.chunks_exact_mut(ROWS * stride);
    for (a, out) in (&mut rows).zip(&mut outs) {
        let row = |row: usize| &a[row * stride + first..][..size];
        let a = [row(0), row(1), row(2), row(3)];
        let mut column = 0;
        while column + COLUMNS <= size {
            let mut sums = [[0.0f32; COLUMNS]; ROWS];
            for inner in 0..size {
                let b: &[f32; COLUMNS] = b[inner * size + column..]
                    .first_chunk()
                    .expect("a row of b");
                for (sums, a) in sums.iter_mut().zip(a) {
                    let a = a[inner];
                    for (sum, b) in sums.iter_mut().zip(b) {
                        *sum += a * b;
                    }
                }
            }
            for (row, sums) in sums.iter().enumerate() {
                out[row * stride + first + column..][..COLUMNS].copy_from_slice(sums);
            }
            column += COLUMNS;
        }
        for column in column..size {
            for (row, a) in a.iter().enumerate() {
                out[row * stride + first + column] = chain(a, b, column, size);
            }
        }
    }
    let rest = rows.remainder().chunks_exact(stride);
    for (a, out) in rest.zip(outs.into_remainder().chunks_exact_mut(stride)) {
        let a = &a[first..][..size];
        for (column, out) in out[first..][..size].iter_mut().enumerate() {
            *out = chain(a, b, column, size);
        }
    }
}

/// One value of the product, summed in the same order.
#[inline(always)]
fn chain(a: &[f32], b: &[f32], column: usize, size: usize) -> f32 {
    let column = b[column..].iter().step_by(size);
    a.iter().zip(column).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// Rows whose products are summed in f32 before they go to f64.
const BLOCK: usize = 64;

/// `x^T x` over the columns `first..first + size` of rows of `stride` values; `[size, size]`.
pub(super) fn squares(product: Product, x: &[f32]) -> Vec<f64> {
    let size = product.size;
    let mut all = vec![0.0f64; size * size];
    let mut block = vec![0.0f32; size * size];
    for x in x.chunks(BLOCK * product.stride) {
        add_squares(product, x, &mut block);
        for (all, block) in all.iter_mut().zip(&mut block) {
            *all += f64::from(*block);
            *block = 0.0;
        }
    }
    for row in 0..size {
        for column in 0..row {
            all[row * size + column] = all[column * size + row];
        }
    }
    all
}

/// Adds the upper triangle (and some of what is below it) of `x^T x`.
#[multiversion(targets("x86_64+avx2"))]
fn add_squares(product: Product, x: &[f32], out: &mut [f32]) {
    let Product {
        stride,
        first,
        size,
    } = product;
    let rows = || x.chunks_exact(stride).map(|row| &row[first..][..size]);
    let (whole_rows, whole_columns) = (size / ROWS * ROWS, size / COLUMNS * COLUMNS);
    for i in (0..whole_rows).step_by(ROWS) {
        for j in (i / COLUMNS * COLUMNS..whole_columns).step_by(COLUMNS) {
            let mut sums = [[0.0f32; COLUMNS]; ROWS];
            for row in rows() {
                let a: &[f32; ROWS] = row[i..].first_chunk().expect("within the row");
                let b: &[f32; COLUMNS] = row[j..].first_chunk().expect("within the row");
                for (sums, a) in sums.iter_mut().zip(a) {
                    for (sum, b) in sums.iter_mut().zip(b) {
                        *sum += a * b;
                    }
                }
            }
            for (row, sums) in sums.iter().enumerate() {
                out[(i + row) * size + j..][..COLUMNS].copy_from_slice(sums);
            }
        }
    }
    for i in 0..size {
        let from = if i < whole_rows { whole_columns } else { 0 };
        for j in from.max(i)..size {
            out[i * size + j] = rows().fold(0.0, |sum, row| sum + row[i] * row[j]);
        }
    }
}

/// The inner product of two vectors, in eight interleaved sums.
#[inline(always)]
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + e) + (c + g)) + ((b + f) + (d + h)) + rest
}

/// `y += factor * x`.
#[inline(always)]
pub(super) fn add_scaled(y: &mut [f64], factor: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}
