//! Elements that lie in another order than `[seq_len, kv_heads, head_dim]`, or whose bytes are swapped.

use crate::tensor::{Dtype, Shape};

/// How to bring elements in order. Strides are counted in elements from the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strided {
    /// Elements before the tensor's first one.
    pub first: u64,
    /// From one token to the next.
    pub seq: u64,
    /// From one head to the next.
    pub heads: u64,
    /// From one element of a head's vector to the next.
    pub dim: u64,
    pub big_endian: bool,
}

impl Strided {
    /// Elements from the first to the last of a tensor of this shape, both counted; `None` where a product overflows.
    pub fn len(&self, shape: Shape) -> Option<u64> {
        if shape.elements()? == 0 {
            return Some(0);
        }
        let axes = [
            (self.seq, shape.seq_len),
            (self.heads, shape.kv_heads),
            (self.dim, shape.head_dim),
        ];
        axes.iter().try_fold(1_u64, |sum, &(stride, size)| {
            sum.checked_add(stride.checked_mul((size as u64).saturating_sub(1))?)
        })
    }

    /// Whether the elements lie in order already.
    pub fn is_in_order(&self, shape: Shape) -> bool {
        let head_dim = shape.head_dim as u64;
        let dim = self.dim == 1 || shape.head_dim == 1;
        let heads = self.heads == head_dim || shape.kv_heads == 1;
        let seq = self.seq == head_dim * shape.kv_heads as u64 || shape.seq_len == 1;
        self.first == 0 && !self.big_endian && dim && heads && seq
    }

    /// The elements of `bytes` in the order `[seq_len, kv_heads, head_dim]`, little-endian; `None` where they are too few.
    pub fn gather(&self, bytes: &[u8], shape: Shape, dtype: Dtype) -> Option<Vec<u8>> {
        let size = dtype.size();
        let here = |value: u64| usize::try_from(value).ok();
        let (first, seq) = (here(self.first)?, here(self.seq)?);
        let (heads, dim) = (here(self.heads)?, here(self.dim)?);
        let last = first.checked_add(here(self.len(shape)?)?)?;
        if shape.elements()? == 0 {
            return Some(Vec::new());
        }
        if last.checked_mul(size)? > bytes.len() {
            return None;
        }
        let mut out = Vec::with_capacity(shape.bytes(dtype)?);
        for token in 0..shape.seq_len {
            for head in 0..shape.kv_heads {
                let row = first + token * seq + head * heads;
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
