//! Arrays whose axes lie in another order than `[seq_len, kv_heads, head_dim]`, or whose bytes are swapped.

use super::axes::{Axes, Axis};
use super::load::Place;
use super::tensors::Array;
use crate::tensor::{Dtype, Shape};

/// How to bring an array's elements in order. Strides are counted in elements from the first one of the span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    seq: u64,
    heads: u64,
    dim: u64,
    big_endian: bool,
}

impl Layout {
    /// Where layer `layer` of batch item `item` lies in an array with these axes; `None` where a product overflows.
    pub fn place(
        array: &Array,
        axes: &Axes,
        layer: u64,
        item: u64,
        shape: Shape,
        dtype: Dtype,
    ) -> Option<Place> {
        let strides = strides(array)?;
        let stride = |axis: Axis| axes.position(axis).map_or(0, |at| strides[at]);
        let layout = Self {
            seq: stride(Axis::Seq),
            heads: stride(Axis::Heads),
            dim: stride(Axis::Dim),
            big_endian: array.big_endian,
        };
        let first = stride(Axis::Layer)
            .checked_mul(layer)?
            .checked_add(stride(Axis::Batch).checked_mul(item)?)?;
        let count = shape.elements()? as u64;
        let last = [
            (layout.seq, shape.seq_len),
            (layout.heads, shape.kv_heads),
            (layout.dim, shape.head_dim),
        ];
        let last = last.iter().try_fold(0_u64, |sum, &(stride, size)| {
            sum.checked_add(stride.checked_mul((size as u64).saturating_sub(1))?)
        })?;
        let len = if count == 0 { 0 } else { last.checked_add(1)? };
        let size = dtype.size() as u64;
        let span = if count == 0 {
            array.span.part(0, 0)
        } else {
            array
                .span
                .part(first.checked_mul(size)?, len.checked_mul(size)?)
        };
        let head_dim = shape.head_dim as u64;
        let in_order = layout.dim == 1
            && (shape.kv_heads == 1 || layout.heads == head_dim)
            && (shape.seq_len == 1 || layout.seq == head_dim * shape.kv_heads as u64);
        let layout = if (in_order && !array.big_endian) || count == 0 {
            None
        } else {
            Some(layout)
        };
        Some(Place {
            span: span?,
            layout,
        })
    }

    /// The elements of `bytes` in the order `[seq_len, kv_heads, head_dim]`, little-endian; `None` where they are too few.
    pub fn gather(&self, bytes: &[u8], shape: Shape, dtype: Dtype) -> Option<Vec<u8>> {
        let size = dtype.size();
        let mut out = Vec::with_capacity(shape.bytes(dtype)?);
        let (seq, heads, dim) = (self.seq as usize, self.heads as usize, self.dim as usize);
        for token in 0..shape.seq_len {
            for head in 0..shape.kv_heads {
                let row = token * seq + head * heads;
                if dim == 1 {
                    out.extend_from_slice(bytes.get(row * size..(row + shape.head_dim) * size)?);
                } else {
                    for at in 0..shape.head_dim {
                        let element = row + at * dim;
                        out.extend_from_slice(bytes.get(element * size..(element + 1) * size)?);
                    }
                }
            }
        }
        if self.big_endian {
            out.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
        Some(out)
    }
}

/// Elements from one index of each axis to the next.
fn strides(array: &Array) -> Option<Vec<u64>> {
    let mut strides = vec![1; array.shape.len()];
    let mut product = 1_u64;
    let mut axes: Vec<usize> = (0..array.shape.len()).collect();
    if !array.fortran {
        axes.reverse();
    }
    for axis in axes {
        strides[axis] = product;
        product = product.checked_mul(array.shape[axis].max(1))?;
    }
    Some(strides)
}
