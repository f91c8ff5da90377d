//! Where the bytes of one tensor lie, and how to turn them into elements in order.

use std::fmt;
use std::sync::Arc;

use super::source::SourceError;
use super::stream::Span;
use super::strided::Strided;
use crate::tensor::{Dtype, Shape};

/// Turns bytes that are packed, quantized or tiled into little-endian elements in C order.
pub(crate) trait Decode: fmt::Debug + Send + Sync {
    /// Decodes the elements. `parts` holds the bytes of the place's span, then those of each span in `beside`.
    ///
    /// # Errors
    /// When the bytes are not what the file declared.
    fn decode(&self, parts: &[Vec<u8>]) -> Result<Vec<u8>, SourceError>;
}

/// Where the bytes of one tensor lie.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub span: Span,
    /// Further bytes that [`Place::decode`] needs, such as the scales of quantized values.
    pub beside: Vec<Span>,
    /// Turns the bytes into plain elements; `None` if they are plain elements already.
    pub decode: Option<Arc<dyn Decode>>,
    /// How to reorder the elements; `None` if they are in order.
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

    /// Elements in the order `[seq_len, kv_heads, head_dim]`. `parts` holds the bytes of the span, then those of each
    /// span in `beside`.
    ///
    /// # Errors
    /// When there are too few bytes, or they are not what the file declared.
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
