//! From a tensor to what is stored of it, and back: the packed formats of serving engines, and coded ones for archives.
//!
//! A [`Scheme`] is named as a user types it (`q8_0`, `int:b=4,per=channel,sym`). It encodes the values of one layer of a run to bytes
//! that hold everything its decoder needs beside what [`About`] says. A [`Recipe`] adds what every scheme can do: the first tokens of
//! a run (the attention sink) and the most recent ones stay as they are. Every size is that of bytes that can be written and read back.

mod bits;
mod codec;
mod name;
mod packed;
mod raw;
mod recipe;
mod tkc;

pub use codec::{About, Corrupt, Kv, Restored, Unfit};
pub use name::SchemeError;
pub use packed::Packed;
pub use recipe::Recipe;
pub use tkc::{Klt, KltChoice, Pairs, Prepared, Rope, RopeChoice, Tkc};

pub(crate) use codec::Codec;

use crate::tensor::Tensor;
use std::fmt;
use std::str::FromStr;

/// A way to store a tensor of K or V.
///
/// ```
/// use kvlens::scheme::Scheme;
/// let scheme: Scheme = "raw".parse().unwrap();
/// assert_eq!(scheme.to_string(), "raw");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Scheme {
    /// The bytes as they are.
    Raw,
    /// Codes in groups with a scale.
    Packed(Packed),
    /// Coded for archives and transfers.
    Tkc(Tkc),
}

impl Scheme {
    /// What the scheme does: the one place that tells the variants apart.
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

    /// The stored bytes of `tensor`, side information included.
    pub fn encode(&self, tensor: &Tensor, about: &About) -> Vec<u8> {
        self.codec().encode(tensor, about)
    }

    /// The tensor that `bytes` hold, in the dump's element type.
    ///
    /// # Errors
    /// When the bytes are not what [`Scheme::encode`] gives for such a tensor.
    pub fn decode(&self, bytes: &[u8], about: &About) -> Result<Tensor, Corrupt> {
        self.codec().decode(bytes, about)
    }

    /// What [`Scheme::decode`] gives of what [`Scheme::encode`] stored, as f32, and how many bytes that takes, without the bytes:
    /// what a search calls often. `values` are the tensor's, as f32.
    pub fn restore(&self, values: &[f32], about: &About) -> Restored {
        self.codec().restore(values, about)
    }
}

/// The name that a user types; parses back to the same scheme.
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
