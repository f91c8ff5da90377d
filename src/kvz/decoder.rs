//! The decoder of parts, passed as a value: the modules that read the container lie below those that know schemes.

use super::index::StoredScheme;
use crate::tensor::{Dtype, Kv, Shape};

/// Description of a part: all that its decoder needs beside its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct PartInfo {
    /// Scheme, and the tokens that are exempt from it.
    pub scheme: StoredScheme,
    /// Whether it holds keys or values.
    pub kv: Kv,
    /// Position of the first token.
    pub position: u64,
    /// Shape: tokens, heads, head_dim.
    pub shape: Shape,
    /// Element type of the decoded elements.
    pub dtype: Dtype,
}

/// Decodes the bytes of a part to little-endian elements, `[seq_len, kv_heads, head_dim]`, or returns an error message.
pub type DecodePart = fn(&PartInfo, &[u8]) -> Result<Vec<u8>, String>;

/// A decoder of parts, or none (the default).
#[derive(Clone, Copy, Debug, Default)]
pub struct PartDecoder(Option<DecodePart>);

impl PartDecoder {
    /// A decoder that calls `decode`.
    pub fn new(decode: DecodePart) -> Self {
        Self(Some(decode))
    }

    /// Decodes a part.
    ///
    /// # Errors
    /// When there is no decoder, or the scheme can't decode the bytes to such a tensor.
    pub fn decode(self, info: &PartInfo, bytes: &[u8]) -> Result<Vec<u8>, String> {
        match self.0 {
            Some(decode) => decode(info, bytes),
            None => Err("a .kvz needs a decoder of its schemes (pack::decoder())".to_owned()),
        }
    }
}

/// Equal if both or neither have a decoder: functions can't be compared, and there is only one to pass.
impl PartialEq for PartDecoder {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_some() == other.0.is_some()
    }
}

impl Eq for PartDecoder {}
