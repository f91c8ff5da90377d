//! A scheme, combined with what all schemes allow: the first tokens of a run and the most recent ones stay as they are.

use super::Scheme;
use super::codec::{About, Corrupt, Restored};
use crate::tensor::{Shape, Tensor};
use std::ops::Range;

/// A scheme, and the tokens that are exempt from it. The stored bytes are those of the sinks, those of the recent tokens (both raw), and
/// the scheme's own for the tokens in between.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Scheme of the tokens in between.
    pub scheme: Scheme,
    /// Number of positions, from the start of a run, that are stored raw.
    pub sinks: u64,
    /// Number of tokens, at the end of a tensor, that are stored raw.
    pub recent: u64,
}

impl Recipe {
    /// The range of tokens that the scheme stores.
    pub fn body(&self, about: &About) -> Range<usize> {
        let tokens = about.shape.seq_len;
        let clamp = |count: u64| usize::try_from(count).unwrap_or(tokens).min(tokens);
        let end = tokens - clamp(self.recent);
        let start = clamp(self.sinks.saturating_sub(about.position)).min(end);
        start..end
    }

    /// The range of tokens that the scheme stores, and their description.
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

    /// The range of values that the scheme stores, and the description of their tokens.
    pub fn about_values(&self, about: &About) -> (Range<usize>, About) {
        let (body, inner) = self.about_body(about);
        let token = about.shape.token_elements();
        (body.start * token..body.end * token, inner)
    }

    /// Encodes `tensor`.
    ///
    /// # Panics
    /// When the shape or type of the tensor differs from `about`.
    pub fn encode(&self, tensor: &Tensor, about: &About) -> Vec<u8> {
        self.encode_by(tensor, about, |part, inner| self.scheme.encode(part, inner))
    }

    /// [`Recipe::encode`], where `encode` returns what the scheme would for the tokens in between and their description.
    ///
    /// # Panics
    /// When the shape or type of the tensor differs from `about`.
    pub fn encode_by(
        &self,
        tensor: &Tensor,
        about: &About,
        encode: impl FnOnce(&Tensor, &About) -> Vec<u8>,
    ) -> Vec<u8> {
        assert_eq!(
            (tensor.shape(), tensor.dtype()),
            (about.shape, about.dtype),
            "a tensor of the described shape"
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
            out.extend(encode(&part, &inner));
        }
        out
    }

    /// Decodes `bytes`.
    ///
    /// # Errors
    /// When `bytes` are not what [`Recipe::encode`] returns for such a tensor.
    pub fn decode(&self, bytes: &[u8], about: &About) -> Result<Tensor, Corrupt> {
        let (body, inner) = self.about_body(about);
        let too_large = || Corrupt::Content("the shape is too large for this machine".to_owned());
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

    /// The values after [`Recipe::encode`] and [`Recipe::decode`], as f32, and their stored size.
    pub fn restore(&self, values: &[f32], about: &About) -> Restored {
        let (body, inner) = self.about_values(about);
        let raw = (values.len() - body.len()) * about.dtype.size();
        let mut restored = Restored {
            values: values.to_vec(),
            bytes: raw as u64,
        };
        if !inner.is_empty() {
            restored.bytes += self
                .scheme
                .restore_in_place(&mut restored.values[body], &inner);
        }
        restored
    }
}
