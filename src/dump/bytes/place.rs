//! Where one tensor's bytes lie, and what has to be done with them to have its elements in order.

use std::fmt;
use std::sync::Arc;

use super::source::SourceError;
use super::stream::Span;
use super::strided::Strided;
use crate::tensor::{Dtype, Shape};

/// Makes little-endian elements in C order of bytes that are packed, quantized or in tiles.
pub(crate) trait Decode: fmt::Debug + Send + Sync {
    /// The elements. `parts` holds the bytes of the place's span, then those of each span in `beside`.
    ///
    /// # Errors
    /// When the bytes are not what the file said.
    fn decode(&self, parts: &[Vec<u8>]) -> Result<Vec<u8>, SourceError>;
}

/// Where the bytes of one tensor lie.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub span: Span,
    /// What else [`Place::decode`] needs, such as the scales of quantized values.
    pub beside: Vec<Span>,
    /// What makes plain elements of the bytes; `None` where they are.
    pub decode: Option<Arc<dyn Decode>>,
    /// How to bring the elements in order; `None` where they are.
    pub strided: Option<Strided>,
}

impl Place {
    /// A span whose bytes are the elements in order.
    pub fn plain(span: Span) -> Self {
        Self {
            span,
            beside: Vec::new(),
            decode: None,
            strided: None,
        }
    }

    /// The elements in the order `[seq_len, kv_heads, head_dim]`, of the bytes of the span and of those beside it.
    ///
    /// # Errors
    /// When they are too few, or not what the file said.
    pub fn arrange(
        &self,
        mut parts: Vec<Vec<u8>>,
        shape: Shape,
        dtype: Dtype,
    ) -> Result<Vec<u8>, SourceError> {
        let mut bytes = match &self.decode {
            Some(decode) => decode.decode(&parts)?,
            None => parts.drain(..).next().unwrap_or_default(),
        };
        if let Some(strided) = &self.strided {
            bytes = strided
                .gather(&bytes, shape, dtype)
                .ok_or(SourceError::Short {
                    needed: self.span.len(),
                    end: bytes.len() as u64,
                })?;
        }
        Ok(bytes)
    }
}
