//! Encodes tensors to stored bytes and decodes them: packed formats of serving engines, and entropy-coded ones for archives.
//!
//! A [`Scheme`] has the name that a user types (`q8_0`, `int:b=4,per=channel,sym`). It encodes the values of one layer of a run to bytes
//! that hold everything its decoder needs beside [`About`]. A [`Recipe`] adds what every scheme can be combined with: the first tokens of a
//! run (the attention sink) and the most recent ones stay as they are. Every size is that of bytes that can be written and read back.

mod bits;
mod codec;
mod name;
mod packed;
mod raw;
mod recipe;
mod tkc;

pub use codec::{About, Corrupt, Restored, Unfit};
pub use name::SchemeError;
pub use packed::Packed;
pub use recipe::Recipe;
pub use tkc::{Klt, KltChoice, Pairs, Prepared, Rope, RopeChoice, Tkc, Transforms};

pub(crate) use codec::Codec;

use crate::tensor::Tensor;
use std::fmt;
use std::str::FromStr;

/// A way to store a K or V tensor.
///
/// ```
/// use kvlens::scheme::{About, Scheme};
/// use kvlens::tensor::{Dtype, Kv, Shape, Tensor};
///
/// let scheme: Scheme = "q8_0".parse()?;
/// assert_eq!(scheme.to_string(), "q8_0");
///
/// // 4 tokens, 2 heads, head_dim 32, all values zero.
/// let shape = Shape { seq_len: 4, kv_heads: 2, head_dim: 32 };
/// let tensor = Tensor::new(Dtype::F16, shape, vec![0; 512])?;
/// let about = About { kv: Kv::K, position: 0, shape, dtype: Dtype::F16 };
/// let stored = scheme.encode(&tensor, &about);
/// assert_eq!(stored.len(), 8 * 34); // 32 codes of a byte and an fp16 scale for each head of each token
/// assert_eq!(scheme.decode(&stored, &about)?, tensor);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Scheme {
    /// The elements as they are.
    Raw,
    /// Codes of a few bits, in groups that share a scale.
    Packed(Packed),
    /// Transformed and entropy-coded, for archives and transfers.
    Tkc(Tkc),
}

impl Scheme {
    /// The codec of this scheme: the only place that tells the variants apart.
    fn codec(&self) -> &dyn Codec {
        match self {
            Self::Raw => &raw::Raw,
            Self::Packed(packed) => packed,
            Self::Tkc(tkc) => tkc,
        }
    }

    /// Why the scheme can't store a tensor of this shape; `None` where it can.
    pub fn unfit(&self, about: &About) -> Option<Unfit> {
        self.codec().unfit(about)
    }

    /// Encodes `tensor`, including all side information.
    pub fn encode(&self, tensor: &Tensor, about: &About) -> Vec<u8> {
        self.codec().encode(tensor, about)
    }

    /// Decodes `bytes` to a tensor of the dump's element type.
    ///
    /// # Errors
    /// When `bytes` are not what [`Scheme::encode`] returns for such a tensor.
    pub fn decode(&self, bytes: &[u8], about: &About) -> Result<Tensor, Corrupt> {
        self.codec().decode(bytes, about)
    }

    /// The values after [`Scheme::encode`] and [`Scheme::decode`], as f32, and their stored size, without making the stored bytes: a search
    /// calls this often. `values` are the tensor's, as f32.
    pub fn restore(&self, values: &[f32], about: &About) -> Restored {
        let mut values = values.to_vec();
        let bytes = self.restore_in_place(&mut values, about);
        Restored { values, bytes }
    }

    /// Replaces values by those of [`Scheme::restore`]; returns the stored size.
    pub fn restore_in_place(&self, values: &mut [f32], about: &About) -> u64 {
        self.codec().restore_in_place(values, about)
    }
}

/// Writes the name that a user types; it parses back to the same scheme.
impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.codec().name())
    }
}

impl FromStr for Scheme {
    type Err = SchemeError;

    fn from_str(text: &str) -> Result<Self, SchemeError> {
        let mut spec = name::Spec::parse(text)?;
        if let Some(packed) = packed::parse(&mut spec)? {
            return spec.done(Self::Packed(packed));
        }
        if let Some(tkc) = tkc::parse(&mut spec)? {
            return spec.done(Self::Tkc(tkc));
        }
        match spec.name() {
            "raw" => spec.done(Self::Raw),
            _ => Err(spec.unknown()),
        }
    }
}
