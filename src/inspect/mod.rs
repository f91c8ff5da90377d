//! Figures for looking at a dump before any analysis, and into its bits: pictures of a tensor ([`TensorPicture`]) and
//! of one vector under a lossy setting ([`Lesson`]). They use the same planes, zstd frames, lossy values and errors as
//! the analyses do.

mod bytes;
mod lesson;
mod matter;
mod values;

pub use bytes::{Coded, counts, entropy};
pub use lesson::{Lesson, LessonError, LessonRequest, LessonValue, Method, Window};
pub use matter::{Matter, MatterRequest, TensorMatter};
pub use values::{Histogram, channel_magnitudes};

use serde::Serialize;

use crate::codec::{delta, split};
use crate::tensor::Tensor;

/// Overview of a tensor: magnitudes, values and byte planes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct TensorPicture {
    /// Element type: `fp16`, `bf16`, `fp32`, `fp8_e4m3` or `fp8_e5m2`.
    pub dtype: &'static str,
    /// Number of tokens.
    pub seq_len: usize,
    /// Number of KV heads.
    pub kv_heads: usize,
    /// Head dimension.
    pub head_dim: usize,
    /// Size of the tensor, in bytes.
    pub raw_bytes: usize,
    /// Mean |x| of each of the `kv_heads * head_dim` channels, head by head.
    pub channels: Vec<f32>,
    /// Histogram of the values.
    pub values: Histogram,
    /// High and low plane.
    pub planes: [PlanePicture; 2],
}

/// A byte plane as it is, and as its difference along the tokens.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PlanePicture {
    /// Name: `hi` (sign, exponent and the first mantissa bits) or `lo` (the rest).
    pub name: &'static str,
    /// Size of the plane, in bytes.
    pub bytes: usize,
    /// The plane as it is.
    pub plain: Coded,
    /// The plane's difference along the tokens. `gear-delta` uses it for the high plane only.
    pub delta: Coded,
}

impl TensorPicture {
    /// Computes the picture of `tensor`, with zstd at `level`.
    pub fn of(tensor: &Tensor, level: i32) -> Self {
        let shape = tensor.shape();
        let values = tensor.values();
        Self {
            dtype: tensor.dtype().name(),
            seq_len: shape.seq_len,
            kv_heads: shape.kv_heads,
            head_dim: shape.head_dim,
            raw_bytes: tensor.bytes().len(),
            channels: channel_magnitudes(shape, &values),
            values: Histogram::of(&values),
            planes: plane_pictures(tensor, level),
        }
    }
}

fn plane_pictures(tensor: &Tensor, level: i32) -> [PlanePicture; 2] {
    let (hi, lo) = split(tensor);
    [("hi", hi), ("lo", lo)].map(|(name, mut plane)| {
        let plain = Coded::of(&plane, level);
        delta(&mut plane, tensor.dtype(), tensor.shape());
        PlanePicture {
            name,
            bytes: plane.len(),
            plain,
            delta: Coded::of(&plane, level),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Mode, Planes, compressed_sizes};
    use crate::tensor::{Dtype, Shape};

    pub(super) fn ramp(seq_len: usize) -> Tensor {
        let shape = Shape {
            seq_len,
            kv_heads: 2,
            head_dim: 8,
        };
        let bytes = (0..seq_len * 16)
            .flat_map(|i| crate::tensor::f32_to_f16((i as f32 * 0.37).sin() * 3.0).to_le_bytes());
        Tensor::new(Dtype::F16, shape, bytes.collect()).unwrap()
    }

    #[test]
    fn sizes_are_those_of_the_codec() {
        let tensor = ramp(40);
        let [hi, lo] = TensorPicture::of(&tensor, 3).planes;
        let sizes = |hi: &Coded, lo: &Coded| Planes::Split {
            hi: hi.zstd as u64,
            lo: lo.zstd as u64,
        };
        assert_eq!(
            compressed_sizes(&tensor, Mode::Gear, 3),
            sizes(&hi.plain, &lo.plain)
        );
        assert_eq!(
            compressed_sizes(&tensor, Mode::GearDelta, 3),
            sizes(&hi.delta, &lo.plain)
        );
    }

    #[test]
    fn an_empty_tensor_has_a_picture() {
        let picture = TensorPicture::of(&ramp(0), 3);
        assert_eq!((picture.raw_bytes, picture.channels.len()), (0, 0));
        assert_eq!(picture.planes[0].plain.zstd, 0);
    }
}
