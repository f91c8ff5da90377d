//! The one value that everything passes on: a K or V tensor as its dtype, shape and little-endian bytes.

mod element;
mod float16;
mod float8;

pub(crate) use element::with_element;
pub use element::{E4m3, E5m2, Element};
pub use float8::{e4m3_to_f32, e5m2_to_f32, f32_to_e4m3, f32_to_e5m2};
pub use float16::{bf16_to_f32, f16_to_f32, f32_to_bf16, f32_to_f16};

use std::ops::Range;

use multiversion::multiversion;
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

    /// Mantissa bits that are stored.
    pub const fn mantissa_bits(self) -> u32 {
        match self {
            Self::F16 => 10,
            Self::Bf16 => 7,
            Self::F32 => 23,
            Self::E4m3 => 3,
            Self::E5m2 => 2,
        }
    }

    /// The name used in meta files: `fp16`, `bf16`, `fp32`, `fp8_e4m3`, `fp8_e5m2`.
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

    /// The little-endian bytes, given away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The same dtype and shape with other bytes.
    ///
    /// # Panics
    /// When there are more bytes, or fewer.
    pub fn with_bytes(&self, bytes: Vec<u8>) -> Self {
        assert_eq!(bytes.len(), self.bytes.len(), "a tensor of the same shape");
        Self { bytes, ..*self }
    }

    /// Writes the values from index `start` on to `out`.
    ///
    /// # Panics
    /// When there are fewer values.
    pub fn read_values(&self, start: usize, out: &mut [f32]) {
        with_element!(self.dtype, E => read::<E>(&self.bytes[start * E::SIZE..][..out.len() * E::SIZE], out));
    }

    /// All values.
    pub fn values(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.len()];
        self.read_values(0, &mut values);
        values
    }

    /// A tensor of the tokens in `range` alone.
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

    /// The number of NaN and infinite values.
    pub fn non_finite(&self) -> u64 {
        let single = |bytes: [u8; 4]| u32::from_le_bytes(bytes) & 0x7f80_0000 == 0x7f80_0000;
        match self.dtype {
            Dtype::F16 => count_halves(&self.bytes, 0x7c00),
            Dtype::Bf16 => count_halves(&self.bytes, 0x7f80),
            Dtype::F32 => count(&self.bytes, single),
            Dtype::E4m3 => count(&self.bytes, |[bits]| bits & 0x7f == 0x7f),
            Dtype::E5m2 => count(&self.bytes, |[bits]| bits & 0x7c == 0x7c),
        }
    }
}

/// How many elements of two bytes have all bits of `exponent` set.
fn count_halves(bytes: &[u8], exponent: u16) -> u64 {
    count(bytes, |bytes| {
        u16::from_le_bytes(bytes) & exponent == exponent
    })
}

/// How many elements of `N` bytes are `special`. They are counted in `u16`, part by part, since the loop is vectorized in the width of its
/// counter: of 64 bits that is a quarter as fast.
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
    // Places, not iterators: what those call is not always inlined here.
    for place in 0..out.len() {
        out[place] = E::get(&bytes[place * E::SIZE..]);
    }
}
