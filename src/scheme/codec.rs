//! The interface of a scheme, and what it knows of a tensor beside its values.

use crate::tensor::{Dtype, Kv, Shape, Tensor};
use thiserror::Error;

/// Description of a tensor that encoder and decoder both know: consecutive tokens of one layer of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct About {
    /// Whether these are keys or values.
    pub kv: Kv,
    /// Position of the first token in its run.
    pub position: u64,
    /// Shape: tokens, heads, head_dim.
    pub shape: Shape,
    /// Element type of the dump; decoded values are rounded to it.
    pub dtype: Dtype,
}

impl About {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.elements().unwrap_or(0)
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why a scheme can't store a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unfit {
    /// head_dim is no multiple of the group size.
    #[error("head_dim {head_dim} is not a multiple of its group size {group}")]
    Group {
        /// head_dim of the tensor.
        head_dim: usize,
        /// Values in a group.
        group: usize,
    },
    /// head_dim is not a power of two, which the Hadamard transform needs.
    #[error("head_dim {head_dim} is not a power of two, which its Hadamard transform needs")]
    PowerOfTwo {
        /// head_dim of the tensor.
        head_dim: usize,
    },
}

/// Why stored bytes can't be decoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Corrupt {
    /// The number of bytes does not match the shape.
    #[error("{found} bytes, expected {expected}")]
    Length {
        /// Number of bytes that a tensor of this shape is stored in.
        expected: u64,
        /// Number of bytes that were given.
        found: u64,
    },
    /// The bytes describe something that the encoder never writes; holds what.
    #[error("{0}")]
    Content(String),
}

/// A tensor after encoding and decoding, with its stored size.
#[derive(Clone, Debug, PartialEq)]
pub struct Restored {
    /// Decoded values, rounded to the dump's element type.
    pub values: Vec<f32>,
    /// Stored bytes, including all side information.
    pub bytes: u64,
}

/// The interface of a scheme; [`super::Scheme`] is its public side.
pub(crate) trait Codec {
    /// The canonical form of the name that a user types.
    fn name(&self) -> String;

    /// Why a tensor of this shape can't be stored; `None` where it can.
    fn unfit(&self, about: &About) -> Option<Unfit>;

    /// Encodes a tensor.
    fn encode(&self, tensor: &Tensor, about: &About) -> Vec<u8>;

    /// Decodes a tensor. Never allocates more than the shape requires before it knows that `bytes` are sufficient.
    fn decode(&self, bytes: &[u8], about: &About) -> Result<Tensor, Corrupt>;

    /// Replaces values by what decoding would return, without making the stored bytes; returns their number.
    fn restore_in_place(&self, values: &mut [f32], about: &About) -> u64;
}
