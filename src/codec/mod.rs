//! From a tensor to its compressed bytes, and back.

mod planes;
mod smallest;
mod verify;
pub mod zstd;

pub use planes::{delta, join, split, undelta};
pub use smallest::{SmallestError, decode_smallest, encode_smallest, smallest_size};
pub use verify::{DecodeError, decode};

use crate::par;
use crate::tensor::Tensor;
use serde::Serialize;
use std::cell::Cell;

/// How a tensor is laid out before zstd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Little-endian bytes as they are, in one stream.
    Zstd,
    /// High and low byte planes as two streams: see [`split`].
    Gear,
    /// Like [`Gear`](Self::Gear), with [`delta`] applied to the high plane.
    GearDelta,
}

impl Mode {
    /// The mode to use for lossy values: `zstd` becomes gear, the others stay.
    pub fn for_lossy(self) -> Self {
        if self == Self::Zstd { Self::Gear } else { self }
    }
}

/// One value per compressed stream of a tensor: the bytes, the frame, or (by default) its compressed size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Planes<T = u64> {
    /// A single stream: all bytes as they are, or (for float8, which has one plane) their difference along the tokens.
    Whole(T),
    /// One stream per plane.
    Split {
        /// High half of every element: sign, exponent and the first mantissa bits.
        hi: T,
        /// Low half of every element.
        lo: T,
    },
}

impl<T> Planes<T> {
    /// Applies `of` to the value of each stream.
    pub fn map<U>(self, of: impl Fn(T) -> U) -> Planes<U> {
        match self {
            Self::Whole(all) => Planes::Whole(of(all)),
            Self::Split { hi, lo } => Planes::Split {
                hi: of(hi),
                lo: of(lo),
            },
        }
    }
}

impl Planes {
    /// Total size in bytes; 0 if any stream is empty.
    pub fn total(self) -> u64 {
        match self {
            Self::Whole(size) => size,
            Self::Split { hi, lo } if hi == 0 || lo == 0 => 0,
            Self::Split { hi, lo } => hi + lo,
        }
    }
}

/// Sizes of the zstd frames of a tensor's streams, in bytes; 0 for an empty stream. `level` is a zstd level, -131072 to
/// 22.
///
/// ```
/// use kvlens::codec::{Mode, Planes, compressed_sizes, decode, encode};
/// # use kvlens::tensor::{Dtype, Shape, Tensor};
/// let shape = Shape { seq_len: 64, kv_heads: 1, head_dim: 16 };
/// let values = (0..1024).map(|i| (i as f32 * 0.1).sin());
/// let tensor = Tensor::new(Dtype::F32, shape, values.flat_map(f32::to_le_bytes).collect())?;
/// let sizes = compressed_sizes(&tensor, Mode::GearDelta, 3);
/// assert!(sizes.total() < 4096);
///
/// // The reported size is exactly what is written and can be read back.
/// let frames = encode(&tensor, Mode::GearDelta, 3);
/// let Planes::Split { hi, lo } = &frames else { unreachable!() };
/// assert_eq!((hi.len() + lo.len()) as u64, sizes.total());
/// assert_eq!(decode(&frames, Mode::GearDelta, Dtype::F32, shape).as_deref(), Ok(tensor.bytes()));
/// # Ok::<(), kvlens::tensor::TensorError>(())
/// ```
pub fn compressed_sizes(tensor: &Tensor, mode: Mode, level: i32) -> Planes {
    let size = |stream: &[u8]| {
        if stream.is_empty() {
            0
        } else {
            zstd::compressed_size(stream, level) as u64
        }
    };
    streams(tensor, mode, size)
}

/// The zstd frames of a tensor's streams; no bytes for an empty stream. [`decode`] restores the tensor's bytes from
/// them.
pub fn encode(tensor: &Tensor, mode: Mode, level: i32) -> Planes<Vec<u8>> {
    let frame = |stream: &[u8]| {
        if stream.is_empty() {
            Vec::new()
        } else {
            zstd::compress(stream, level)
        }
    };
    streams(tensor, mode, frame)
}

thread_local! {
    /// Planes of the previous tensor, kept for reuse: memory freshly allocated for each tensor costs a tenth of the
    /// time.
    static BUFFERS: Cell<(Vec<u8>, Vec<u8>)> = const { Cell::new((Vec::new(), Vec::new())) };
}

fn streams<T: Send>(
    tensor: &Tensor,
    mode: Mode,
    compress: impl Fn(&[u8]) -> T + Sync,
) -> Planes<T> {
    if mode == Mode::Zstd {
        return Planes::Whole(compress(tensor.bytes()));
    }
    // Taken, not borrowed: while this thread waits for a plane it may start on another tensor, which then allocates its
    // own buffers.
    let (mut hi, mut lo) = BUFFERS.take();
    planes::split_into(tensor, &mut hi, &mut lo);
    if mode == Mode::GearDelta {
        delta(&mut hi, tensor.dtype(), tensor.shape());
    }
    if tensor.dtype().size() == 1 {
        let out = compress(&hi);
        BUFFERS.set((hi, lo));
        return Planes::Whole(out);
    }
    let (hi_out, lo_out) = par::join(|| compress(&hi), || compress(&lo));
    BUFFERS.set((hi, lo));
    Planes::Split {
        hi: hi_out,
        lo: lo_out,
    }
}
