//! Products of small dense matrices with the same order of summation on every machine: each value is a chain of plain products and sums,
//! and only neighbouring values are computed at once.

use multiversion::multiversion;

use crate::numeric::f32x8::{F32x8, LANES};

/// Rows that are held in registers during a sum; columns are processed in vectors of eight.
const ROWS: usize = 4;
const VECTORS: usize = 2;
const COLUMNS: usize = VECTORS * LANES;

/// Rows that are multiplied by a strip of the matrix's columns before the next strip, so that the strip stays in the first-level cache.
const STRIP_ROWS: usize = 64;

/// `out = a * b`, where `a` is `[rows, size]` and `b` `[size, size]`; `a` and `out` start at column `first` of rows of `stride` values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    /// Values in a row of `a` and of `out`.
    pub stride: usize,
    /// First column of `a` and `out` that is used.
    pub first: usize,
    /// Number of rows and of columns of `b`, which is square.
    pub size: usize,
}

/// Multiplies the columns `first..first + size` of `a` by the square matrix `b`. Behind the first `inner` of them `a` holds zeros alone,
/// which add nothing.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
pub(super) fn multiply(product: Product, inner: usize, a: &[f32], b: &[f32], out: &mut [f32]) {
    let Product {
        stride,
        first,
        size,
    } = product;
    let inner = inner.min(size);
    let whole = size / COLUMNS * COLUMNS;
    let rows = a.len() / stride;
    for strip in (0..rows).step_by(STRIP_ROWS) {
        let end = (strip + STRIP_ROWS).min(rows);
        for column in (0..whole).step_by(COLUMNS) {
            let mut row = strip;
            while row + ROWS <= end {
                tile::<ROWS>(product, inner, row, column, a, b, out);
                row += ROWS;
            }
            for row in row..end {
                tile::<1>(product, inner, row, column, a, b, out);
            }
        }
        for row in strip..end {
            for column in whole..size {
                let a = &a[row * stride + first..][..inner];
                out[row * stride + first + column] = chain(a, b, column, size);
            }
        }
    }
}

/// Computes [`COLUMNS`] values in each of `N` rows of the product. Loops over indices instead of iterators, whose calls are not always
/// inlined into functions compiled for AVX2, which makes them many times slower.
#[inline(always)]
fn tile<const N: usize>(
    product: Product,
    inner: usize,
    row: usize,
    column: usize,
    a: &[f32],
    b: &[f32],
    out: &mut [f32],
) {
    let Product {
        stride,
        first,
        size,
    } = product;
    let mut rows = [&a[..0]; N];
    for place in 0..N {
        rows[place] = &a[(row + place) * stride + first..][..inner];
    }
    let mut sums = [[F32x8::splat(0.0); VECTORS]; N];
    for inner in 0..inner {
        let b = &b[inner * size + column..][..COLUMNS];
        let b = [vector(b, 0), vector(b, LANES)];
        for place in 0..N {
            let a = F32x8::splat(rows[place][inner]);
            sums[place][0] = sums[place][0].add(a.mul(b[0]));
            sums[place][1] = sums[place][1].add(a.mul(b[1]));
        }
    }
    for place in 0..N {
        let out = &mut out[(row + place) * stride + first + column..][..COLUMNS];
        out[..LANES].copy_from_slice(&sums[place][0].values());
        out[LANES..].copy_from_slice(&sums[place][1].values());
    }
}

/// Eight values, starting at `at`.
#[inline(always)]
fn vector(values: &[f32], at: usize) -> F32x8 {
    match values[at..].first_chunk() {
        Some(values) => F32x8::of(values),
        None => F32x8::splat(0.0),
    }
}

/// One value of the product, summed in the same order.
#[inline(always)]
fn chain(a: &[f32], b: &[f32], column: usize, size: usize) -> f32 {
    let column = b[column..].iter().step_by(size);
    a.iter().zip(column).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// Rows whose products are summed in f32 before they are added in f64.
const BLOCK: usize = 64;

/// `x^T x` over the columns `first..first + size` of rows of `stride` values, as `[size, size]`.
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

/// Adds the upper triangle of `x^T x`, and some of what is below it.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn add_squares(product: Product, x: &[f32], out: &mut [f32]) {
    let Product {
        stride,
        first,
        size,
    } = product;
    let rows = x.len() / stride;
    let (whole_rows, whole_columns) = (size / ROWS * ROWS, size / COLUMNS * COLUMNS);
    for i in (0..whole_rows).step_by(ROWS) {
        for j in (i / COLUMNS * COLUMNS..whole_columns).step_by(COLUMNS) {
            let mut sums = [[F32x8::splat(0.0); VECTORS]; ROWS];
            for row in 0..rows {
                let row = &x[row * stride + first..][..size];
                let (a, b) = (&row[i..i + ROWS], &row[j..j + COLUMNS]);
                let b = [vector(b, 0), vector(b, LANES)];
                for place in 0..ROWS {
                    let a = F32x8::splat(a[place]);
                    sums[place][0] = sums[place][0].add(a.mul(b[0]));
                    sums[place][1] = sums[place][1].add(a.mul(b[1]));
                }
            }
            for place in 0..ROWS {
                let out = &mut out[(i + place) * size + j..][..COLUMNS];
                out[..LANES].copy_from_slice(&sums[place][0].values());
                out[LANES..].copy_from_slice(&sums[place][1].values());
            }
        }
    }
    let row = |row: usize| &x[row * stride + first..][..size];
    for i in 0..size {
        let from = if i < whole_rows { whole_columns } else { 0 };
        for j in from.max(i)..size {
            out[i * size + j] = (0..rows).fold(0.0, |sum, at| sum + row(at)[i] * row(at)[j]);
        }
    }
}

/// Inner product of two vectors, in eight interleaved sums.
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
