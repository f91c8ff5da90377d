//! Locates one layer of one batch item in an array whose axes are known.

use super::array::Array;
use super::axes::{Axes, Axis};
use crate::dump::bytes::place::Place;
use crate::dump::bytes::strided::{Blocks, Strided};
use crate::tensor::{Dtype, Shape};

/// Which part of an array.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Index {
    pub layer: u64,
    /// Index in the batch.
    pub item: u64,
    /// 0 for K, 1 for V.
    pub kv: u64,
}

/// Location of the part `index`; `None` if it is not in the array or a product overflows.
pub(super) fn place(
    array: &Array,
    axes: &Axes,
    index: Index,
    shape: Shape,
    dtype: Dtype,
) -> Option<Place> {
    let stride = |axis: Axis| axes.position(axis).map_or(0, |at| array.strides[at]);
    let outer = [
        (Axis::Layer, index.layer),
        (Axis::Batch, index.item),
        (Axis::Kv, index.kv),
    ];
    let first = outer.iter().try_fold(0_u64, |sum, &(axis, at)| {
        sum.checked_add(stride(axis).checked_mul(at)?)
    })?;
    // Heads without an axis of their own follow each other in `dim`.
    let heads = if axes.has(Axis::Heads) {
        stride(Axis::Heads)
    } else {
        stride(Axis::Dim).checked_mul(shape.head_dim as u64)?
    };
    let mut strided = Strided {
        first: 0,
        seq: stride(Axis::Seq),
        heads,
        dim: stride(Axis::Dim),
        blocks: axes.has(Axis::Blocks).then(|| Blocks {
            len: axes
                .position(Axis::Seq)
                .map_or(1, |at| array.shape[at].max(1)),
            stride: stride(Axis::Blocks),
        }),
        big_endian: array.big_endian,
    };
    let len = strided.len(shape)?;
    let size = dtype.size() as u64;
    let span = if array.decode.is_some() {
        // Only the whole array can be decoded.
        strided.first = first;
        array.span.clone()
    } else if len == 0 {
        array.span.part(0, 0)?
    } else {
        array
            .span
            .part(first.checked_mul(size)?, len.checked_mul(size)?)?
    };
    let is_in_order = array.decode.is_none() && (len == 0 || strided.is_in_order(shape));
    Some(Place {
        span,
        beside: array.beside.clone(),
        decode: array.decode.clone(),
        strided: (!is_in_order).then_some(strided),
    })
}
