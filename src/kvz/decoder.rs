//! What decodes parts, as a value: those who read the container are below those who know the schemes.

use super::index::StoredScheme;
use crate::tensor::{Dtype, Shape};

/// What is known of a part beside its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct PartInfo {
    /// The scheme, and the tokens that it leaves alone.
    pub scheme: StoredScheme,
    /// Whether it holds keys.
    pub is_k: bool,
    /// Position of the first token.
    pub position: u64,
    /// Tokens, heads, head_dim.
    pub shape: Shape,
    /// Element type of what is decoded.
    pub dtype: Dtype,
}

/// Makes the little-endian elements `[seq_len, kv_heads, head_dim]` of a part's bytes, or says why it can't.
pub type DecodePart = fn(&PartInfo, &[u8]) -> Result<Vec<u8>, String>;

/// A decoder of parts, if there is one.
#[derive(Clone, Copy, Debug, Default)]
pub struct PartDecoder(Option<DecodePart>);

impl PartDecoder {
    /// This one.
    pub fn new(decode: DecodePart) -> Self {
        Self(Some(decode))
    }

    /// Decodes a part.
    ///
    /// # Errors
    /// When there is no decoder, or the bytes are not what the scheme stores of such a tensor.
    pub fn decode(self, info: &PartInfo, bytes: &[u8]) -> Result<Vec<u8>, String> {
        match self.0 {
            Some(decode) => decode(info, bytes),
            None => Err("a .kvz needs a decoder of its schemes (pack::decoder())".to_owned()),
        }
    }
}

/// The same function; which one is of no matter to two ways of scanning.
impl PartialEq for PartDecoder {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_some() == other.0.is_some()
    }
}

impl Eq for PartDecoder {}
