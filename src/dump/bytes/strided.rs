//! Elements that are stored in another order than `[seq_len, kv_heads, head_dim]`, or with swapped bytes.

use super::source::{SourceError, reserve};
use crate::tensor::{Dtype, Shape};

/// Storage order of elements. Strides count elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strided {
    /// Offset of the tensor's first element.
    pub first: u64,
    /// Stride from one token to the next.
    pub seq: u64,
    /// Stride from one head to the next.
    pub heads: u64,
    /// Stride between the elements of a head's vector.
    pub dim: u64,
    /// Blocks of tokens, if the storage is paged.
    pub blocks: Option<Blocks>,
    pub big_endian: bool,
}

/// Paged storage: tokens lie in blocks of equal length, in token order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blocks {
    /// Tokens per block, at least 1.
    pub len: u64,
    /// Stride from one block to the next.
    pub stride: u64,
}

impl Strided {
    /// Number of elements from the first to the last of a tensor of this shape, both included; `None` if a product
    /// overflows.
    pub fn len(&self, shape: Shape) -> Option<u64> {
        if shape.elements()? == 0 {
            return Some(0);
        }
        let tokens = shape.seq_len as u64;
        let (blocks, in_block) = match self.blocks {
            Some(Blocks { len, stride }) => ((stride, tokens.div_ceil(len)), len.min(tokens)),
            None => ((0, 1), tokens),
        };
        let axes = [
            blocks,
            (self.seq, in_block),
            (self.heads, shape.kv_heads as u64),
            (self.dim, shape.head_dim as u64),
        ];
        axes.iter().try_fold(1_u64, |sum, &(stride, size)| {
            sum.checked_add(stride.checked_mul(size.saturating_sub(1))?)
        })
    }

    /// Whether the elements are in order already.
    pub fn is_in_order(&self, shape: Shape) -> bool {
        let head_dim = shape.head_dim as u64;
        let dim = self.dim == 1 || shape.head_dim == 1;
        let heads = self.heads == head_dim || shape.kv_heads == 1;
        let row = head_dim * shape.kv_heads as u64;
        let seq = self.seq == row || shape.seq_len == 1;
        let is_next = |blocks: Blocks| blocks.len.checked_mul(row) == Some(blocks.stride);
        let seq = seq && self.blocks.is_none_or(is_next);
        self.first == 0 && !self.big_endian && dim && heads && seq
    }

    /// Elements of `bytes` in the order `[seq_len, kv_heads, head_dim]`, little-endian.
    ///
    /// # Errors
    /// When `bytes` is too short, or the elements don't fit in memory: with strides of 0 there may be many more than bytes.
    pub fn gather(&self, bytes: &[u8], shape: Shape, dtype: Dtype) -> Result<Vec<u8>, SourceError> {
        let size = dtype.size();
        let end = bytes.len() as u64;
        if shape.elements() == Some(0) {
            return Ok(Vec::new());
        }
        let len = self.len(shape).and_then(|len| len.checked_add(self.first));
        let needed = len.and_then(|len| len.checked_mul(size as u64));
        let needed = needed.unwrap_or(u64::MAX);
        let short = || SourceError::Short { needed, end };
        if needed > end {
            return Err(short());
        }
        let mut out = reserve(shape.bytes(dtype).ok_or_else(short)? as u64)?;
        self.append(bytes, shape, size, &mut out)
            .ok_or_else(short)?;
        if self.big_endian {
            out.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
        Ok(out)
    }

    /// Appends the elements to `out` as they are stored; `None` if `bytes` is too short.
    fn append(&self, bytes: &[u8], shape: Shape, size: usize, out: &mut Vec<u8>) -> Option<()> {
        let here = |value: u64| usize::try_from(value).ok();
        let (first, seq) = (here(self.first)?, here(self.seq)?);
        let (heads, dim) = (here(self.heads)?, here(self.dim)?);
        let (block_len, block) = match self.blocks {
            Some(Blocks { len, stride }) => (here(len)?, here(stride)?),
            None => (shape.seq_len, 0),
        };
        for token in 0..shape.seq_len {
            let start = first + token / block_len * block + token % block_len * seq;
            for head in 0..shape.kv_heads {
                let row = start + head * heads;
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
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_that_is_repeated_beyond_all_memory_is_an_error() {
        let shape = Shape {
            seq_len: 1 << 61,
            kv_heads: 1,
            head_dim: 1,
        };
        let strided = Strided {
            first: 0,
            seq: 0,
            heads: 0,
            dim: 1,
            blocks: None,
            big_endian: false,
        };
        let gathered = strided.gather(&[0; 2], shape, Dtype::F16);
        assert_eq!(gathered, Err(SourceError::TooLarge(1 << 62)));
    }

    #[test]
    fn tokens_of_blocks_follow_each_other() {
        // Two blocks of three tokens with one head of one value, interleaved with another array's blocks; the last
        // token slot is unused.
        let shape = Shape {
            seq_len: 5,
            kv_heads: 1,
            head_dim: 1,
        };
        let strided = Strided {
            first: 0,
            seq: 1,
            heads: 1,
            dim: 1,
            blocks: Some(Blocks { len: 3, stride: 6 }),
            big_endian: false,
        };
        assert_eq!(strided.len(shape), Some(9));
        assert!(!strided.is_in_order(shape));
        let bytes: Vec<u8> = (0..9_u16).flat_map(u16::to_le_bytes).collect();
        let gathered = strided.gather(&bytes, shape, Dtype::F16).unwrap();
        let expected: Vec<u8> = [0, 1, 2, 6, 7_u16]
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        assert_eq!(gathered, expected);
        let next = Strided {
            blocks: Some(Blocks { len: 3, stride: 3 }),
            ..strided
        };
        assert!(next.is_in_order(shape), "as if there were no blocks");
    }
}
