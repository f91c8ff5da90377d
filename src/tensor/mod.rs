//! The value that all layers exchange: a K or V tensor as dtype, shape and little-endian bytes.

mod element;
mod float16;
mod float8;
mod kv;

pub(crate) use element::with_element;
pub use element::{E4m3, E5m2, Element};
pub use float8::{e4m3_to_f32, e5m2_to_f32, f32_to_e4m3, f32_to_e5m2};
pub use float16::{bf16_to_f32, f16_to_f32, f32_to_bf16, f32_to_f16};
pub use kv::Kv;

use std::ops::Range;

use multiversion::multiversion;
use thiserror::Error;

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// IEEE 754 binary16: 1 sign, 5 exponent, 10 mantissa bits.
    F16,
    /// bfloat16, the upper half of a binary32: 1 sign, 8 exponent, 7 mantissa bits.
    Bf16,
    /// IEEE 754 binary32.
    F32,
    /// OCP float8 e4m3 (PyTorch's `float8_e4m3fn`): 1 sign, 4 exponent, 3 mantissa bits, no infinity.
    E4m3,
    /// OCP float8 e5m2: 1 sign, 5 exponent, 2 mantissa bits.
    E5m2,
}

impl Dtype {
    /// Bytes per element.
    pub const fn size(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::E4m3 | Self::E5m2 => 1,
        }
    }

    /// Number of stored mantissa bits, without the implicit leading one.
    pub const fn mantissa_bits(self) -> u32 {
        match self {
            Self::F16 => 10,
            Self::Bf16 => 7,
            Self::F32 => 23,
            Self::E4m3 => 3,
            Self::E5m2 => 2,
        }
    }

    /// The bits that are all set in an infinity or a NaN, and in no number: those of the exponent, for e4m3 (whose only special value is NaN)
    /// those of the mantissa, too.
    pub const fn non_finite_bits(self) -> u32 {
        match self {
            Self::F16 => 0x7c00,
            Self::Bf16 => 0x7f80,
            Self::F32 => 0x7f80_0000,
            Self::E4m3 => 0x7f,
            Self::E5m2 => 0x7c,
        }
    }

    /// Name used in meta files: `fp16`, `bf16`, `fp32`, `fp8_e4m3`, `fp8_e5m2`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F16 => "fp16",
            Self::Bf16 => "bf16",
            Self::F32 => "fp32",
            Self::E4m3 => "fp8_e4m3",
            Self::E5m2 => "fp8_e5m2",
        }
    }
}

/// Logical shape of a tensor, `[seq_len, kv_heads, head_dim]` in C order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Number of tokens.
    pub seq_len: usize,
    /// Number of KV heads.
    pub kv_heads: usize,
    /// Head dimension: number of elements in one head's vector.
    pub head_dim: usize,
}

impl Shape {
    /// Number of elements, or `None` if it overflows a `usize`.
    pub fn elements(self) -> Option<usize> {
        self.seq_len
            .checked_mul(self.kv_heads)?
            .checked_mul(self.head_dim)
    }

    /// Size in bytes with elements of type `dtype`; `None` if it overflows a `usize`, or if there are no tokens and the size of one would.
    ///
    /// ```
    /// use kvlens::tensor::{Dtype, Shape};
    /// let shape = Shape { seq_len: 0, kv_heads: usize::MAX, head_dim: 2 };
    /// assert_eq!(shape.bytes(Dtype::F16), None);
    /// ```
    pub fn bytes(self, dtype: Dtype) -> Option<usize> {
        let seq_len = self.seq_len.max(1);
        let token = Self { seq_len, ..self }.elements()?;
        token.checked_mul(dtype.size())?;
        self.elements()?.checked_mul(dtype.size())
    }

    /// Number of elements per token, `kv_heads * head_dim`: the distance that the delta along the sequence spans.
    pub fn token_elements(self) -> usize {
        self.kv_heads.saturating_mul(self.head_dim)
    }
}

/// Reason why bytes do not form a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TensorError {
    /// The size in bytes of this shape overflows a `usize`.
    #[error("shape {0:?} is too large")]
    TooLarge(Shape),
    /// The number of bytes does not match the shape.
    #[error("{found} bytes where the shape needs {expected}")]
    WrongSize {
        /// Number of bytes that shape and dtype require.
        expected: usize,
        /// Number of bytes given.
        found: usize,
    },
}

/// A K or V tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    dtype: Dtype,
    shape: Shape,
    bytes: Vec<u8>,
}

impl Tensor {
    /// Creates a tensor from little-endian bytes in C order.
    ///
    /// ```
    /// use kvlens::tensor::{Dtype, Shape, Tensor};
    ///
    /// let shape = Shape { seq_len: 2, kv_heads: 1, head_dim: 1 };
    /// let bytes = [1.0f32, 2.5].iter().flat_map(|value| value.to_le_bytes()).collect();
    /// let tensor = Tensor::new(Dtype::F32, shape, bytes)?;
    /// assert_eq!(tensor.values(), [1.0, 2.5]);
    /// assert!(Tensor::new(Dtype::F32, shape, vec![0; 7]).is_err());
    /// # Ok::<(), kvlens::tensor::TensorError>(())
    /// ```
    ///
    /// # Errors
    /// When the number of bytes does not match dtype and shape, or that number overflows.
    pub fn new(dtype: Dtype, shape: Shape, bytes: Vec<u8>) -> Result<Self, TensorError> {
        let expected = shape.bytes(dtype).ok_or(TensorError::TooLarge(shape))?;
        if bytes.len() != expected {
            return Err(TensorError::WrongSize {
                expected,
                found: bytes.len(),
            });
        }
        Ok(Self {
            dtype,
            shape,
            bytes,
        })
    }

    /// Element type.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Logical shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Little-endian bytes, in C order.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.dtype.size()
    }

    /// Whether the tensor has no elements.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns the little-endian bytes without copying.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A tensor of the same dtype and shape with other bytes.
    ///
    /// # Panics
    /// When the number of bytes differs.
    pub fn with_bytes(&self, bytes: Vec<u8>) -> Self {
        assert_eq!(bytes.len(), self.bytes.len(), "a tensor of the same shape");
        Self { bytes, ..*self }
    }

    /// Writes the values from index `start` on to `out`, as many as it holds.
    ///
    /// # Panics
    /// When the tensor has fewer values from `start` on.
    pub fn read_values(&self, start: usize, out: &mut [f32]) {
        with_element!(self.dtype, E => read::<E>(&self.bytes[start * E::SIZE..][..out.len() * E::SIZE], out));
    }

    /// All values as f32, in C order.
    pub fn values(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.len()];
        self.read_values(0, &mut values);
        values
    }

    /// A tensor with only the tokens in `range`.
    ///
    /// # Panics
    /// When `range` ends after the last token.
    pub fn tokens(&self, range: Range<usize>) -> Self {
        let token = self.shape.token_elements() * self.dtype.size();
        Self {
            dtype: self.dtype,
            shape: Shape {
                seq_len: range.len(),
                ..self.shape
            },
            bytes: self.bytes[range.start * token..range.end * token].to_vec(),
        }
    }

    /// Number of NaN and infinite values.
    pub fn non_finite(&self) -> u64 {
        let special = self.dtype.non_finite_bits();
        let half = special as u16;
        match self.dtype.size() {
            1 => count(&self.bytes, |[bits]| u32::from(bits) & special == special),
            2 => count(&self.bytes, |bytes| {
                u16::from_le_bytes(bytes) & half == half
            }),
            _ => count(&self.bytes, |bytes| {
                u32::from_le_bytes(bytes) & special == special
            }),
        }
    }
}

/// Number of `N`-byte elements that are `special`. They are counted in `u16`, part by part, since the loop is
/// vectorized in the width of its counter: a 64-bit counter takes four times as long.
fn count<const N: usize>(bytes: &[u8], special: impl Fn([u8; N]) -> bool) -> u64 {
    let elements = bytes.as_chunks().0;
    let part = |part: &[[u8; N]]| {
        part.iter()
            .map(|bytes| u16::from(special(*bytes)))
            .sum::<u16>()
    };
    elements
        .chunks(usize::from(u16::MAX))
        .map(|elements| u64::from(part(elements)))
        .sum()
}

#[multiversion(targets("x86_64+avx2"))]
fn read<E: Element>(bytes: &[u8], out: &mut [f32]) {
    let bytes = &bytes[..out.len() * E::SIZE];
    // Indices, not iterators: what those call is not always inlined here.
    for index in 0..out.len() {
        out[index] = E::get(&bytes[index * E::SIZE..]);
    }
}
