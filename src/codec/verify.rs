//! Frames back to a tensor's bytes, by a decoder that shares no code with the encoder.

use super::{Mode, Planes, join, undelta};
use crate::tensor::{Dtype, Shape};
use std::io::Read;
use thiserror::Error;

/// Why frames don't decode.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The shape's size overflows.
    #[error("shape {0:?} is too large")]
    TooLarge(Shape),
    /// Not a valid zstd frame; the decoder's own words.
    #[error("invalid zstd frame: {0}")]
    Frame(String),
    /// A stream of another length than the shape asks for.
    #[error("a stream of {found} bytes where {expected} are needed")]
    Length {
        /// Bytes that the shape asks for.
        expected: usize,
        /// Bytes decoded, at most one more than expected.
        found: usize,
    },
}

/// The tensor's bytes that [`super::encode`] made these frames of.
///
/// # Errors
/// When a frame is invalid or its content has not the length that `dtype` and `shape` ask for.
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

/// The content of one frame, which must be of `expected` bytes.
fn stream(frame: &[u8], expected: usize) -> Result<Vec<u8>, DecodeError> {
    let mut content = Vec::new();
    if !frame.is_empty() {
        let error = |error: &dyn std::fmt::Display| DecodeError::Frame(error.to_string());
        let decoder = ruzstd::decoding::StreamingDecoder::new(frame).map_err(|e| error(&e))?;
        // One byte more than expected is enough to tell that there is more: a frame can't make this grow without bound.
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
