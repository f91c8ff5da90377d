//! Loops over values in groups that share a scale. A format defines what a group stores and how a value becomes a code; a grid defines
//! which values form a group. The same two functions convert values to codes and back whether or not the codes are stored.

use super::super::bits::{BitReader, BitWriter};
use super::number::{read_f16, write_f16};
use multiversion::multiversion;
use std::iter::zip;

/// Parameters of a group, for encoding (`inverse`, `start`) and for decoding (`scale`, `offset`). Each format fills in what it needs, and
/// defines which part of it is stored.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Params {
    /// Factor or divisor of values when they are encoded.
    pub inverse: f32,
    /// Subtracted from values before that.
    pub start: f32,
    /// Distance between two steps, as the decoder computes it.
    pub scale: f32,
    /// Added to decoded values at the end.
    pub offset: f32,
}

/// The smallest and the largest value of a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub min: f32,
    pub max: f32,
}

impl Range {
    /// The largest magnitude.
    pub fn magnitude(self) -> f32 {
        // Without `abs` a group of negative zeros could have the magnitude -0: `max` may return either zero.
        self.max.max(-self.min).max(0.0).abs()
    }
}

/// A way to store a group of values.
pub(super) trait Format: Copy {
    /// Whether the side information is a scale and an offset, not a scale alone: both in fp16, unless a format defines its own.
    const HAS_OFFSET: bool = false;

    /// Bits of a code.
    fn bits(&self) -> u32;

    /// Bytes of a group's side information.
    fn side(&self) -> usize {
        if Self::HAS_OFFSET { 4 } else { 2 }
    }

    /// Parameters for a group with these values. `group` holds them where they are contiguous, as in every grid of single rows.
    fn fit(&self, range: Range, group: &[f32]) -> Params;

    /// Appends the side information: the stored part of the parameters.
    fn write_side(&self, params: &Params, out: &mut Vec<u8>) {
        write_f16(params.scale, out);
        if Self::HAS_OFFSET {
            write_f16(params.offset, out);
        }
    }

    /// Parameters for decoding, from side information of [`Format::side`] bytes.
    fn read_side(&self, bytes: &[u8]) -> Params {
        Params {
            scale: read_f16(bytes, 0),
            offset: if Self::HAS_OFFSET {
                read_f16(bytes, 2)
            } else {
                0.0
            },
            ..Params::default()
        }
    }

    /// Encodes a value.
    fn code(&self, value: f32, params: &Params) -> u32;

    /// Decodes a code.
    fn value(&self, code: u32, params: &Params) -> f32;
}

/// Which values of a matrix with `columns` columns (heads x head_dim) form a group: `rows` tokens times `width` columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub columns: usize,
    pub rows: usize,
    pub width: usize,
}

impl Grid {
    /// Number of groups in `values` values.
    pub fn groups(&self, values: usize) -> usize {
        let rows = values.checked_div(self.columns).unwrap_or(0);
        rows.div_ceil(self.rows.max(1)) * self.per_row()
    }

    fn per_row(&self) -> usize {
        self.columns.div_ceil(self.width.max(1))
    }

    /// Number of values in a block: the rows that share groups.
    fn block(&self) -> usize {
        self.rows.saturating_mul(self.columns).max(1)
    }
}

/// Parameters of a block's groups, one array for each field, so that groups of a single column are processed several at a time.
#[derive(Default)]
struct Fitted {
    inverse: Vec<f32>,
    start: Vec<f32>,
    scale: Vec<f32>,
    offset: Vec<f32>,
}

impl Fitted {
    fn clear(&mut self) {
        for field in [
            &mut self.inverse,
            &mut self.start,
            &mut self.scale,
            &mut self.offset,
        ] {
            field.clear();
        }
    }

    #[inline(always)]
    fn push(&mut self, params: Params) {
        self.inverse.push(params.inverse);
        self.start.push(params.start);
        self.scale.push(params.scale);
        self.offset.push(params.offset);
    }

    #[inline(always)]
    fn get(&self, group: usize) -> Params {
        Params {
            inverse: self.inverse[group],
            start: self.start[group],
            scale: self.scale[group],
            offset: self.offset[group],
        }
    }

    fn len(&self) -> usize {
        self.scale.len()
    }

    /// Calls `change` with every value of a row and the parameters of its group of `width` columns.
    #[inline(always)]
    fn each(&self, row: &mut [f32], width: usize, mut change: impl FnMut(&mut f32, &Params)) {
        if width > 1 {
            for (group, values) in row.chunks_mut(width).enumerate() {
                let params = self.get(group);
                for value in values {
                    change(value, &params);
                }
            }
            return;
        }
        let columns = row.len();
        let (inverse, start) = (&self.inverse[..columns], &self.start[..columns]);
        let (scale, offset) = (&self.scale[..columns], &self.offset[..columns]);
        for column in 0..columns {
            let params = Params {
                inverse: inverse[column],
                start: start[column],
                scale: scale[column],
                offset: offset[column],
            };
            change(&mut row[column], &params);
        }
    }
}

/// The smaller of two values; of equal ones the first. `f32::min` may return either of 0 and -0, and bytes must not depend on that.
#[inline(always)]
fn smaller(a: f32, b: f32) -> f32 {
    if b < a { b } else { a }
}

/// The larger of two values; of equal ones the first.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// Computes the range of values in eight lanes.
#[inline(always)]
fn range_of(values: &[f32]) -> Range {
    let (mut min, mut max) = ([f32::INFINITY; 8], [f32::NEG_INFINITY; 8]);
    let (lanes, rest) = values.as_chunks::<8>();
    for values in lanes {
        for lane in 0..8 {
            min[lane] = smaller(min[lane], values[lane]);
            max[lane] = larger(max[lane], values[lane]);
        }
    }
    for half in [4, 2, 1] {
        for lane in 0..half {
            min[lane] = smaller(min[lane], min[lane + half]);
            max[lane] = larger(max[lane], max[lane + half]);
        }
    }
    let (mut min, mut max) = (min[0], max[0]);
    for &value in rest {
        min = smaller(min, value);
        max = larger(max, value);
    }
    Range { min, max }
}

/// Ranges of a block's groups, smallest and largest values in separate arrays, so that groups of a single column are processed several at a
/// time.
#[derive(Default)]
struct Ranges {
    min: Vec<f32>,
    max: Vec<f32>,
}

impl Ranges {
    fn push(&mut self, range: Range) {
        self.min.push(range.min);
        self.max.push(range.max);
    }
}

/// Computes the ranges of the groups in a block of rows.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn take_ranges(block: &[f32], grid: Grid, ranges: &mut Ranges) {
    let Ranges { min, max } = ranges;
    min.clear();
    max.clear();
    if block.len() <= grid.columns {
        for group in block.chunks(grid.width.max(1)) {
            ranges.push(range_of(group));
        }
        return;
    }
    if grid.width >= grid.columns {
        ranges.push(range_of(block));
        return;
    }
    min.resize(grid.per_row(), f32::INFINITY);
    max.resize(grid.per_row(), f32::NEG_INFINITY);
    for row in block.chunks(grid.columns) {
        let edges = zip(&mut *min, &mut *max);
        if grid.width == 1 {
            for ((min, max), &value) in edges.zip(row) {
                *min = smaller(*min, value);
                *max = larger(*max, value);
            }
            continue;
        }
        for ((min, max), group) in edges.zip(row.chunks(grid.width)) {
            let range = range_of(group);
            *min = smaller(*min, range.min);
            *max = larger(*max, range.max);
        }
    }
}

/// Ranges and parameters of a block's groups; the memory is reused for the next block.
#[derive(Default)]
struct Block {
    ranges: Ranges,
    fitted: Fitted,
}

impl Block {
    /// Fits the groups of a block of rows. Whatever does not depend on the format is done elsewhere, since this is compiled for each
    /// format.
    #[inline(always)]
    fn fit<F: Format>(&mut self, format: &F, block: &[f32], grid: Grid) {
        take_ranges(block, grid, &mut self.ranges);
        self.fitted.clear();
        // Number of contiguous values in a group; 0 where a group spans rows.
        let together = if block.len() <= grid.columns {
            grid.width.max(1)
        } else if grid.width >= grid.columns {
            block.len()
        } else {
            0
        };
        for (group, (&min, &max)) in zip(&self.ranges.min, &self.ranges.max).enumerate() {
            let start = (group * together).min(block.len());
            let end = (start + together).min(block.len());
            let params = format.fit(Range { min, max }, &block[start..end]);
            self.fitted.push(params);
        }
    }
}

/// Replaces values by what a decoder would return for them.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
pub(super) fn restore<F: Format>(format: &F, grid: Grid, values: &mut [f32]) {
    let mut known = Block::default();
    for block in values.chunks_mut(grid.block()) {
        known.fit(format, block, grid);
        for row in block.chunks_mut(grid.columns.max(1)) {
            known.fitted.each(row, grid.width, |value, params| {
                *value = format.value(format.code(*value, params), params);
            });
        }
    }
}

/// Stored bytes: side information of all groups, then the packed codes.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
pub(super) fn encode<F: Format>(format: &F, grid: Grid, values: &[f32]) -> Vec<u8> {
    let bits = format.bits();
    let mut side = Vec::with_capacity(stored_len(format, grid, values.len()));
    let mut packed = Vec::with_capacity(codes_len(values.len(), bits));
    let mut writer = BitWriter::new(&mut packed);
    let (mut known, mut row_codes) = (Block::default(), Vec::new());
    for block in values.chunks(grid.block()) {
        known.fit(format, block, grid);
        for group in 0..known.fitted.len() {
            format.write_side(&known.fitted.get(group), &mut side);
        }
        for row in block.chunks(grid.columns.max(1)) {
            row_codes.clear();
            row_codes.extend_from_slice(row);
            known
                .fitted
                .each(&mut row_codes, grid.width, |value, params| {
                    // Codes have at most eight bits, so f32 holds them exactly.
                    *value = format.code(*value, params) as f32;
                });
            writer.put_all(&row_codes, bits);
        }
    }
    writer.finish();
    side.extend(packed);
    side
}

/// Bytes of `values` packed codes.
fn codes_len(values: usize, bits: u32) -> usize {
    (values * bits as usize).div_ceil(8)
}

/// Stored bytes of `values` values, without encoding them.
pub(super) fn stored_len<F: Format>(format: &F, grid: Grid, values: usize) -> usize {
    grid.groups(values) * format.side() + codes_len(values, format.bits())
}

/// Decodes `bytes`, whose number is that of [`stored_len`].
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
pub(super) fn decode<F: Format>(format: &F, grid: Grid, bytes: &[u8], values: &mut [f32]) {
    let (bits, side_len) = (format.bits(), format.side());
    let (mut side, codes) = bytes.split_at(grid.groups(values.len()) * side_len);
    let mut reader = BitReader::new(codes);
    let mut fitted = Fitted::default();
    for block in values.chunks_mut(grid.block()) {
        fitted.clear();
        for _ in 0..grid.per_row() {
            let (now, rest) = side.split_at(side_len);
            fitted.push(format.read_side(now));
            side = rest;
        }
        for row in block.chunks_mut(grid.columns.max(1)) {
            reader.take_all(row, bits);
            fitted.each(row, grid.width, |value, params| {
                *value = format.value(*value as u32, params);
            });
        }
    }
}
