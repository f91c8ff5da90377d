//! What every scheme can do, and what it is told of a tensor beside its values.

use crate::tensor::{Dtype, Shape, Tensor};
use thiserror::Error;

/// K or V.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Kv {
    /// Keys.
    K,
    /// Values.
    V,
}

impl Kv {
    /// `k` or `v`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::K => "k",
            Self::V => "v",
        }
    }
}

/// What encoder and decoder know of a tensor beside its values: consecutive tokens of one layer of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct About {
    /// Whether these are keys or values.
    pub kv: Kv,
    /// Position in the run of the first token.
    pub position: u64,
    /// Tokens, heads, head_dim.
    pub shape: Shape,
    /// The dump's element type: what is decoded is rounded to it.
    pub dtype: Dtype,
}

impl About {
    /// The number of values.
    pub fn len(&self) -> usize {
        self.shape.elements().unwrap_or(0)
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why a scheme can't store tensors of a shape.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unfit {
    /// Groups of values lie along head_dim and do not fill it.
    #[error("head_dim {head_dim} is no multiple of its groups of {group}")]
    Group {
        /// The tensor's head_dim.
        head_dim: usize,
        /// Values in a group.
        group: usize,
    },
    /// A Hadamard transform needs a power of two.
    #[error("head_dim {head_dim} is no power of two, as its Hadamard transform needs")]
    PowerOfTwo {
        /// The tensor's head_dim.
        head_dim: usize,
    },
    /// NaN and infinite values have no place on a scale.
    #[error("it holds {0} NaN or infinite values, which only lossless schemes keep")]
    NonFinite(u64),
}

/// Why bytes are not what a scheme stored.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Corrupt {
    /// The number of bytes is not what the shape asks for.
    #[error("{found} bytes, expected {expected}")]
    Length {
        /// Bytes that the scheme needs for such a tensor.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// What the bytes say can't be.
    #[error("{0}")]
    Content(String),
}

/// What comes back of a tensor, and what it takes to store it.
#[derive(Clone, Debug, PartialEq)]
pub struct Restored {
    /// The values as decoded, rounded to the dump's element type.
    pub values: Vec<f32>,
    /// Stored bytes, all side information included.
    pub bytes: u64,
}

/// What every scheme can do. See [`super::Scheme`], which offers the same to others.
pub(crate) trait Codec {
    /// The name as a user types it, in its one canonical form.
    fn name(&self) -> String;

    /// Why a tensor of this shape can't be stored.
    fn unfit(&self, about: &About) -> Option<Unfit>;

    /// The stored bytes.
    fn encode(&self, tensor: &Tensor, about: &About) -> Vec<u8>;

    /// The tensor that they hold; never allocates more than the shape asks for before it knows that the bytes are enough.
    fn decode(&self, bytes: &[u8], about: &About) -> Result<Tensor, Corrupt>;

    /// Values and size without the bytes.
    fn restore(&self, values: &[f32], about: &About) -> Restored;
}
