//! Where the bytes of one tensor lie, and how to turn them into elements in order.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::source::SourceError;
use super::stream::Span;
use super::strided::Strided;
use crate::tensor::{Dtype, Shape};

/// Turns bytes that are packed, quantized or tiled into little-endian elements in C order.
pub(crate) trait Decode: Send + Sync {
    /// Decodes the elements. `parts` holds the bytes of the place's span, then those of each span in `beside`.
    ///
    /// # Errors
    /// When the bytes are not what the file declared.
    fn decode(&self, parts: &[Vec<u8>]) -> Result<Vec<u8>, SourceError>;
}

/// Input of a decoder that may follow another one: what `inner` makes of `parts`; without one, the bytes of the place's span.
///
/// # Errors
/// Those of `inner`.
pub(crate) fn decoded_by(
    inner: Option<&dyn Decode>,
    parts: &[Vec<u8>],
) -> Result<Vec<u8>, SourceError> {
    match inner {
        Some(inner) => inner.decode(parts),
        None => Ok(parts.first().cloned().unwrap_or_default()),
    }
}

impl fmt::Debug for dyn Decode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Decode")
    }
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

    /// The spans whose bytes it needs, in the order in which [`Place::arrange`] takes them.
    pub fn spans(&self) -> impl Iterator<Item = &Span> {
        std::iter::once(&self.span).chain(&self.beside)
    }

    /// The place of some tokens of the tensor. Where its bytes are not the elements in order, the whole is read all the
    /// same, and cut when it is decoded.
    pub fn tokens(&self, shape: Shape, dtype: Dtype, tokens: Range<usize>) -> Option<Self> {
        let row = shape.bytes(dtype)?.checked_div(shape.seq_len)?;
        let range = tokens.start.checked_mul(row)?..tokens.end.checked_mul(row)?;
        let is_plain = self.decode.is_none() && self.strided.is_none();
        if is_plain && self.span.stream().is_plain() {
            let span = self.span.part(range.start as u64, range.len() as u64)?;
            return Some(Self::plain(span));
        }
        let cut = Cut {
            whole: self.clone(),
            shape,
            dtype,
            range,
        };
        Some(Self {
            span: self.span.clone(),
            beside: self.beside.clone(),
            decode: Some(Arc::new(cut)),
            strided: None,
        })
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
            bytes = strided.gather(&bytes, shape, dtype)?;
        }
        Ok(bytes)
    }
}

/// Some tokens of a tensor that can only be decoded as a whole.
struct Cut {
    whole: Place,
    shape: Shape,
    dtype: Dtype,
    /// Bytes of the tokens among those of the elements in order.
    range: Range<usize>,
}

impl Decode for Cut {
    fn decode(&self, parts: &[Vec<u8>]) -> Result<Vec<u8>, SourceError> {
        let bytes = self.whole.arrange(parts.to_vec(), self.shape, self.dtype)?;
        let tokens = bytes.get(self.range.clone());
        tokens.map(<[u8]>::to_vec).ok_or(SourceError::Short {
            needed: self.range.end as u64,
            end: bytes.len() as u64,
        })
    }
}
