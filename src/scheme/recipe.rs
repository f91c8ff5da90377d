//! A scheme with what all schemes can do: the first tokens of a run and the most recent ones stay as they are.

use super::Scheme;
use super::codec::{About, Corrupt, Restored};
use crate::tensor::{Shape, Tensor};
use std::ops::Range;

/// A scheme, and which tokens it leaves alone. The stored bytes are those of the sinks, of the recent tokens (both raw), and the
/// scheme's own for the tokens between.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// What the tokens between are stored by.
    pub scheme: Scheme,
    /// Positions of a run from 0 on that are stored raw.
    pub sinks: u64,
    /// Last tokens that are stored raw.
    pub recent: u64,
}

impl Recipe {
    /// The tokens that the scheme stores.
    pub fn body(&self, about: &About) -> Range<usize> {
        let tokens = about.shape.seq_len;
        let clamp = |count: u64| usize::try_from(count).unwrap_or(tokens).min(tokens);
        let end = tokens - clamp(self.recent);
        let start = clamp(self.sinks.saturating_sub(about.position)).min(end);
        start..end
    }

    /// What the scheme is told of its part.
    pub fn about_body(&self, about: &About) -> (Range<usize>, About) {
        let body = self.body(about);
        let inner = About {
            position: about.position.saturating_add(body.start as u64),
            shape: Shape {
                seq_len: body.len(),
                ..about.shape
            },
            ..*about
        };
        (body, inner)
    }

    /// The stored bytes of `tensor`.
    ///
    /// # Panics
    /// When the tensor is not as `about` says.
    pub fn encode(&self, tensor: &Tensor, about: &About) -> Vec<u8> {
        assert_eq!(
            (tensor.shape(), tensor.dtype()),
            (about.shape, about.dtype),
            "the tensor that is told of"
        );
        let (body, inner) = self.about_body(about);
        let token = about.shape.token_elements() * about.dtype.size();
        let bytes = tensor.bytes();
        let mut out = [&bytes[..body.start * token], &bytes[body.end * token..]].concat();
        if let Ok(part) = Tensor::new(
            about.dtype,
            inner.shape,
            bytes[body.start * token..body.end * token].to_vec(),
        ) && !part.is_empty()
        {
            out.extend(self.scheme.encode(&part, &inner));
        }
        out
    }

    /// The tensor that `bytes` hold.
    ///
    /// # Errors
    /// When the bytes are not what [`Recipe::encode`] gives for such a tensor.
    pub fn decode(&self, bytes: &[u8], about: &About) -> Result<Tensor, Corrupt> {
        let (body, inner) = self.about_body(about);
        let too_large = || Corrupt::Content("a shape too large for this machine".to_owned());
        let token = Shape {
            seq_len: 1,
            ..about.shape
        }
        .bytes(about.dtype)
        .ok_or_else(too_large)?;
        about.shape.bytes(about.dtype).ok_or_else(too_large)?;
        let (head, tail) = (body.start * token, (about.shape.seq_len - body.end) * token);
        if bytes.len() < head + tail {
            return Err(Corrupt::Length {
                expected: (head + tail) as u64,
                found: bytes.len() as u64,
            });
        }
        let (raw, stored) = bytes.split_at(head + tail);
        let mut out = raw[..head].to_vec();
        if !inner.is_empty() {
            out.extend_from_slice(self.scheme.decode(stored, &inner)?.bytes());
        } else if !stored.is_empty() {
            return Err(Corrupt::Length {
                expected: (head + tail) as u64,
                found: bytes.len() as u64,
            });
        }
        out.extend_from_slice(&raw[head..]);
        Tensor::new(about.dtype, about.shape, out)
            .map_err(|error| Corrupt::Content(error.to_string()))
    }

    /// What [`Recipe::decode`] gives back, as f32, and the stored bytes' number.
    pub fn restore(&self, values: &[f32], about: &About) -> Restored {
        let (body, inner) = self.about_body(about);
        let token = about.shape.token_elements();
        let raw = (about.shape.seq_len - body.len()) * token * about.dtype.size();
        if inner.is_empty() {
            return Restored {
                values: values.to_vec(),
                bytes: raw as u64,
            };
        }
        let part = body.start * token..body.end * token;
        let mut restored = self.scheme.restore(&values[part.clone()], &inner);
        restored.bytes += raw as u64;
        if raw > 0 {
            let around = [&values[..part.start], &restored.values, &values[part.end..]];
            restored.values = around.concat();
        }
        restored
    }
}
