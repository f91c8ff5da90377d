//! Decodes frames to a tensor's bytes, with a decoder that shares no code with the encoder.

use super::{Mode, Planes, join, undelta};
use crate::tensor::{Dtype, Shape};
use std::io::Read;
use thiserror::Error;

/// Reason why frames can't be decoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The size in bytes of this shape overflows a `usize`.
    #[error("{} tokens, {} heads and head_dim {} are too large a shape", .0.seq_len, .0.kv_heads, .0.head_dim)]
    TooLarge(Shape),
    /// Not a valid zstd frame; the text is the decoder's error message.
    #[error("invalid zstd frame: {0}")]
    Frame(String),
    /// The length of a stream does not match the shape.
    #[error("a stream of {found} bytes where {expected} are needed")]
    Length {
        /// Number of bytes that the shape requires.
        expected: usize,
        /// Number of bytes decoded, at most one more than expected.
        found: usize,
    },
}

/// Restores the tensor's bytes from the frames of [`super::encode`].
///
/// # Errors
/// When a frame is invalid, or the length of its content does not match `dtype` and `shape`.
pub fn decode(
    frames: &Planes<Vec<u8>>,
    mode: Mode,
    dtype: Dtype,
    shape: Shape,
) -> Result<Vec<u8>, DecodeError> {
    let bytes = shape.bytes(dtype).ok_or(DecodeError::TooLarge(shape))?;
    match frames {
        Planes::Whole(frame) => {
            let mut content = stream(frame, bytes)?;
            if mode == Mode::GearDelta && dtype.size() == 1 {
                undelta(&mut content, dtype, shape);
            }
            Ok(content)
        }
        Planes::Split { hi, lo } => {
            let (mut hi, lo) = (stream(hi, bytes / 2)?, stream(lo, bytes / 2)?);
            if mode == Mode::GearDelta {
                undelta(&mut hi, dtype, shape);
            }
            Ok(join(dtype, &hi, &lo))
        }
    }
}

/// Content of one frame, which must have `expected` bytes.
fn stream(frame: &[u8], expected: usize) -> Result<Vec<u8>, DecodeError> {
    let mut content = Vec::new();
    if !frame.is_empty() {
        let error = |error: &dyn std::fmt::Display| DecodeError::Frame(error.to_string());
        let decoder = ruzstd::decoding::StreamingDecoder::new(frame).map_err(|e| error(&e))?;
        // One byte more than expected is enough to detect excess: a frame can't make the buffer grow without bound.
        decoder
            .take(expected as u64 + 1)
            .read_to_end(&mut content)
            .map_err(|e| error(&e))?;
    }
    if content.len() == expected {
        Ok(content)
    } else {
        Err(DecodeError::Length {
            expected,
            found: content.len(),
        })
    }
}
