//! The one value that everything passes on: a K or V tensor as its dtype, shape and little-endian bytes.

mod float16;

pub use float16::{bf16_to_f32, f16_to_f32, f32_to_bf16, f32_to_f16};

use thiserror::Error;

/// The element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// IEEE 754 binary16: 1 sign, 5 exponent, 10 mantissa bits.
    F16,
    /// bfloat16, the upper half of a binary32: 1 sign, 8 exponent, 7 mantissa bits.
    Bf16,
    /// IEEE 754 binary32.
    F32,
}

impl Dtype {
    /// Bytes per element.
    pub const fn size(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
        }
    }

    /// The name used in meta files: `fp16`, `bf16`, `fp32`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F16 => "fp16",
            Self::Bf16 => "bf16",
            Self::F32 => "fp32",
        }
    }
}

/// A tensor's logical shape, in C order `[seq_len, kv_heads, head_dim]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Tokens.
    pub seq_len: usize,
    /// Key/value heads.
    pub kv_heads: usize,
    /// Elements of one head's vector.
    pub head_dim: usize,
}

impl Shape {
    /// The number of elements, or `None` where it does not fit in a `usize`.
    pub fn elements(self) -> Option<usize> {
        self.seq_len
            .checked_mul(self.kv_heads)?
            .checked_mul(self.head_dim)
    }

    /// The number of bytes at `dtype`, or `None` where it does not fit in a `usize`.
    pub fn bytes(self, dtype: Dtype) -> Option<usize> {
        self.elements()?.checked_mul(dtype.size())
    }

    /// The elements of one token: the distance of the delta along the sequence.
    pub fn token_elements(self) -> usize {
        self.kv_heads.saturating_mul(self.head_dim)
    }
}

/// Why bytes do not make a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TensorError {
    /// The product of the shape and the element size overflows.
    #[error("shape {0:?} is too large")]
    TooLarge(Shape),
    /// The number of bytes is not that of the shape.
    #[error("{found} bytes where the shape needs {expected}")]
    WrongSize {
        /// Bytes that the shape and dtype ask for.
        expected: usize,
        /// Bytes given.
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
    /// A tensor of these little-endian bytes, in C order.
    ///
    /// # Errors
    /// When the number of bytes is not the shape's.
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

    /// The element type.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The logical shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The little-endian bytes, in C order.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.dtype.size()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}
