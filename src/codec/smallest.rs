//! Lossless at the smallest size: a tensor's bytes in whichever layout zstd compresses best, after one byte with the
//! layout's number. `.kvz` files store this, and explore counts it.

use super::planes::{delta, split};
use super::verify::{DecodeError, decode};
use super::{Mode, Planes, zstd};
use crate::par;
use crate::tensor::{Dtype, Shape, Tensor};
use thiserror::Error;

/// Zstd level. Higher levels gain only a percent on such values.
const LEVEL: i32 = 3;

/// Layout numbers: all bytes in one frame; the planes of [`split`]; these with [`delta`] on the high one; the planes of
/// [`split`] transposed, so that each channel's tokens are adjacent.
const WHOLE: u8 = 0;
const GEAR: u8 = 1;
const GEAR_DELTA: u8 = 2;
const GEAR_BY_CHANNEL: u8 = 3;

/// Layout number of bytes that are stored uncompressed.
const PLAIN: u8 = 255;

/// Reason why stored bytes can't be decoded to a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SmallestError {
    /// They end too early.
    #[error("it ends too early")]
    Short,
    /// Unknown layout number, as of a later version.
    #[error("layout {0} is not known")]
    Layout(u8),
    /// The zstd frames can't be decoded.
    #[error(transparent)]
    Frames(#[from] DecodeError),
}

/// Encodes a tensor in its smallest layout.
///
/// ```
/// use kvlens::codec::{decode_smallest, encode_smallest, smallest_size};
/// # use kvlens::tensor::{Dtype, Shape, Tensor};
/// let shape = Shape { seq_len: 64, kv_heads: 1, head_dim: 16 };
/// let values = (0..1024).map(|i| (i as f32 * 0.1).sin());
/// let tensor = Tensor::new(Dtype::F32, shape, values.flat_map(f32::to_le_bytes).collect())?;
/// let stored = encode_smallest(&tensor);
/// assert_eq!(stored.len() as u64, smallest_size(&tensor));
/// assert_eq!(decode_smallest(&stored, Dtype::F32, shape).as_deref(), Ok(tensor.bytes()));
/// # Ok::<(), kvlens::tensor::TensorError>(())
/// ```
pub fn encode_smallest(tensor: &Tensor) -> Vec<u8> {
    let layouts = layouts(tensor, |stream| match stream.is_empty() {
        true => Vec::new(),
        false => zstd::compress(stream, LEVEL),
    });
    let len = |(_, frames): &(u8, Planes<&Vec<u8>>)| stored_len(frames.map(|frame| frame.len()));
    match layouts.smallest(len) {
        Some((layout, frames)) if len(&(layout, frames)) < 1 + tensor.bytes().len() => {
            let mut out = vec![layout];
            match frames {
                Planes::Whole(frame) => out.extend(frame),
                Planes::Split { hi, lo } => {
                    out.extend((hi.len() as u64).to_le_bytes());
                    out.extend(hi);
                    out.extend(lo);
                }
            }
            out
        }
        _ => [&[PLAIN], tensor.bytes()].concat(),
    }
}

/// Size of [`encode_smallest`]'s result, in bytes.
pub fn smallest_size(tensor: &Tensor) -> u64 {
    let layouts = layouts(tensor, |stream| match stream.is_empty() {
        true => 0,
        false => zstd::compressed_size(stream, LEVEL),
    });
    let len = |(_, sizes): &(u8, Planes<&usize>)| stored_len(sizes.map(|size| *size));
    let plain = 1 + tensor.bytes().len();
    layouts
        .smallest(len)
        .map_or(plain, |layout| len(&layout).min(plain)) as u64
}

/// Restores the tensor's bytes from the result of [`encode_smallest`].
///
/// # Errors
/// When `stored` was not made from a tensor of this dtype and shape.
pub fn decode_smallest(
    stored: &[u8],
    dtype: Dtype,
    shape: Shape,
) -> Result<Vec<u8>, SmallestError> {
    let (layout, rest) = stored.split_first().ok_or(SmallestError::Short)?;
    let mode = match *layout {
        PLAIN => {
            let expected = shape.bytes(dtype).ok_or(DecodeError::TooLarge(shape))?;
            let found = rest.len();
            return match found == expected {
                true => Ok(rest.to_vec()),
                false => Err(DecodeError::Length { expected, found }.into()),
            };
        }
        WHOLE => Mode::Zstd,
        GEAR | GEAR_BY_CHANNEL => Mode::Gear,
        GEAR_DELTA => Mode::GearDelta,
        other => return Err(SmallestError::Layout(other)),
    };
    let frames = if mode == Mode::Zstd || dtype.size() == 1 {
        Planes::Whole(rest.to_vec())
    } else {
        let (len, rest) = rest.split_first_chunk().ok_or(SmallestError::Short)?;
        let len = usize::try_from(u64::from_le_bytes(*len)).ok();
        let (hi, lo) = len
            .and_then(|len| rest.split_at_checked(len))
            .ok_or(SmallestError::Short)?;
        Planes::Split {
            hi: hi.to_vec(),
            lo: lo.to_vec(),
        }
    };
    let bytes = decode(&frames, mode, dtype, shape)?;
    Ok(if *layout == GEAR_BY_CHANNEL {
        let rows = bytes.len() / shape.seq_len.saturating_mul(dtype.size()).max(1);
        transposed(&bytes, rows, dtype.size())
    } else {
        bytes
    })
}

/// Streams of all layouts, each compressed once: two layouts share the low plane.
struct Layouts<T> {
    whole: T,
    hi: T,
    lo: T,
    hi_delta: T,
    by_channel: [T; 2],
    planes: bool,
}

impl<T> Layouts<T> {
    /// The layout with the smallest `len`; the first of equals.
    fn smallest<'a>(
        &'a self,
        len: impl Fn(&(u8, Planes<&'a T>)) -> usize,
    ) -> Option<(u8, Planes<&'a T>)> {
        let of = |hi, lo| match self.planes {
            true => Planes::Split { hi, lo },
            false => Planes::Whole(hi),
        };
        let [hi, lo] = &self.by_channel;
        let all = [
            (WHOLE, Planes::Whole(&self.whole)),
            (GEAR, of(&self.hi, &self.lo)),
            (GEAR_DELTA, of(&self.hi_delta, &self.lo)),
            (GEAR_BY_CHANNEL, of(hi, lo)),
        ];
        all.into_iter().min_by_key(len)
    }
}

/// Stored size: frames, layout number, and if there are two frames the length of the first.
fn stored_len(frames: Planes<usize>) -> usize {
    match frames {
        Planes::Whole(len) => 1 + len,
        Planes::Split { hi, lo } => 1 + 8 + hi + lo,
    }
}

fn layouts<T: Send>(tensor: &Tensor, compress: impl Fn(&[u8]) -> T + Sync) -> Layouts<T> {
    let (dtype, shape) = (tensor.dtype(), tensor.shape());
    let (hi, lo) = split(tensor);
    let half = dtype.size().div_ceil(2);
    let ((whole, hi_delta), (planes, by_channel)) = par::join(
        || {
            par::join(
                || compress(tensor.bytes()),
                || {
                    let mut hi = hi.clone();
                    delta(&mut hi, dtype, shape);
                    compress(&hi)
                },
            )
        },
        || {
            par::join(
                || [compress(&hi), compress(&lo)],
                || [&hi, &lo].map(|plane| compress(&transposed(plane, shape.seq_len, half))),
            )
        },
    );
    let [hi, lo] = planes;
    Layouts {
        whole,
        hi,
        lo,
        hi_delta,
        by_channel,
        planes: dtype.size() > 1,
    }
}

/// Transposes a matrix of `rows` rows with elements of `size` bytes.
fn transposed(bytes: &[u8], rows: usize, size: usize) -> Vec<u8> {
    match size {
        1 => turned(bytes, rows),
        2 => turned(bytes.as_chunks::<2>().0, rows).concat(),
        _ => turned(bytes.as_chunks::<4>().0, rows).concat(),
    }
}

fn turned<E: Copy + Default>(elements: &[E], rows: usize) -> Vec<E> {
    /// Rows and columns per tile of the transposition: both sides stay in the cache.
    const TILE: usize = 32;
    // A file may state any number of tokens without a value.
    let rows = if elements.is_empty() { 0 } else { rows };
    let columns = elements.len().checked_div(rows).unwrap_or(0);
    let mut out = vec![E::default(); elements.len()];
    for first in (0..rows).step_by(TILE) {
        for column in 0..columns {
            for row in first..(first + TILE).min(rows) {
                out[column * rows + row] = elements[row * columns + column];
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(dtype: Dtype, shape: Shape, byte: impl Fn(usize) -> u8) -> Tensor {
        let bytes = (0..shape.bytes(dtype).unwrap()).map(byte).collect();
        Tensor::new(dtype, shape, bytes).unwrap()
    }

    #[test]
    fn tokens_without_a_value_take_no_time() {
        let shape = Shape {
            seq_len: 1 << 50,
            kv_heads: 1,
            head_dim: 0,
        };
        let none = tensor(Dtype::F16, shape, |_| 0);
        let back = decode_smallest(&encode_smallest(&none), Dtype::F16, shape);
        assert_eq!(back.unwrap(), none.bytes());
    }

    #[test]
    fn every_layout_comes_back_bit_for_bit_and_as_long_as_it_was_counted() {
        let shape = Shape {
            seq_len: 70,
            kv_heads: 2,
            head_dim: 24,
        };
        let mut seen = std::collections::BTreeSet::new();
        let mut noise = 1u32;
        let mut random = Vec::new();
        for _ in 0..shape.bytes(Dtype::F32).unwrap() {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            random.push((noise >> 24) as u8);
        }
        for dtype in [Dtype::F16, Dtype::Bf16, Dtype::F32, Dtype::E4m3] {
            let size = dtype.size();
            let width = shape.token_elements() * size;
            let tensors = [
                tensor(dtype, shape, |place| (place / 96) as u8),
                tensor(dtype, shape, |place| random[place]),
                // The high half is as in the previous token, the low half is random.
                tensor(dtype, shape, |place| match place % size < size / 2 {
                    true => random[place],
                    false => random[place % width].wrapping_add((place / width) as u8 * 3),
                }),
                // Each channel repeats after a period of its own, so that no token is like another.
                tensor(dtype, shape, |place| {
                    let (token, channel) = (place / width, place % width / size);
                    match place % size < size / 2 {
                        true => 0,
                        false => random[64 * channel + token % (3 + channel % 11)],
                    }
                }),
            ];
            for tensor in tensors {
                let stored = encode_smallest(&tensor);
                seen.insert(stored[0]);
                assert_eq!(stored.len() as u64, smallest_size(&tensor));
                let back = decode_smallest(&stored, dtype, shape).unwrap();
                assert_eq!(back, tensor.bytes(), "{dtype:?}, layout {}", stored[0]);
                for len in [0, 1, 5, stored.len() - 1] {
                    assert!(decode_smallest(&stored[..len], dtype, shape).is_err());
                }
            }
        }
        let all = [WHOLE, GEAR_DELTA, GEAR_BY_CHANNEL, PLAIN];
        assert!(all.iter().all(|layout| seen.contains(layout)), "{seen:?}");
    }
}
