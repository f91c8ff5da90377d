//! Shared by the reference's analyses: both tensors are measured in parallel; their streams are compressed and, on request, decoded again.

use super::error::MeasureError;
use super::report::TensorRow;
use super::shared_settings::Compression;
use super::unit::{Extras, Unit};
use super::weighted::ratio;
use crate::codec::{self, Mode, Planes};
use crate::metrics::Errors;
use crate::par;
use crate::tensor::{Kv, Tensor};

/// A captured tensor, K or V.
pub struct Captured<'a> {
    pub kv: Kv,
    /// The captured values.
    pub tensor: &'a Tensor,
    non_finite: u64,
    pub extras: Extras,
}

impl Compression {
    /// Measures a tensor that is stored unchanged.
    pub fn lossless(&self, captured: &Captured) -> Result<TensorRow, MeasureError> {
        let streams = self.compress(captured, captured.tensor, self.mode)?;
        Ok(captured.row(streams, 0, None, None))
    }

    /// Compressed sizes of a lossy tensor's streams; `values` are what is stored.
    pub fn lossy(&self, captured: &Captured, values: &Tensor) -> Result<Compressed, MeasureError> {
        self.compress(captured, values, self.mode.for_lossy())
    }

    fn compress(
        &self,
        captured: &Captured,
        tensor: &Tensor,
        mode: Mode,
    ) -> Result<Compressed, MeasureError> {
        if !captured.extras.verify {
            return Ok(Compressed {
                planes: codec::compressed_sizes(tensor, mode, self.level),
                verified: None,
            });
        }
        let frames = codec::encode(tensor, mode, self.level);
        let decoded = codec::decode(&frames, mode, tensor.dtype(), tensor.shape());
        if decoded.as_deref() != Ok(tensor.bytes()) {
            return Err(MeasureError::NotVerified {
                tensor: captured.kv,
                reason: decoded.err(),
            });
        }
        let planes = match frames {
            Planes::Whole(frame) => Planes::Whole(frame.len() as u64),
            Planes::Split { hi, lo } => Planes::Split {
                hi: hi.len() as u64,
                lo: lo.len() as u64,
            },
        };
        Ok(Compressed {
            planes,
            verified: Some(true),
        })
    }
}

/// Compressed sizes of a tensor's streams.
#[derive(Clone, Copy, Debug)]
pub struct Compressed {
    planes: Planes,
    verified: Option<bool>,
}

impl Captured<'_> {
    /// This tensor's part of a row; `packed` is the size of its packed codes, in bytes.
    pub fn row(
        &self,
        streams: Compressed,
        extra_bytes: u64,
        errors: Option<Errors>,
        packed: Option<u64>,
    ) -> TensorRow {
        let raw_bytes = self.tensor.bytes().len() as u64;
        let size = streams.planes.total() + extra_bytes;
        TensorRow {
            raw_bytes,
            planes: streams.planes,
            extra_bytes,
            size,
            ratio: ratio(raw_bytes, size),
            errors,
            packed,
            rounded_mae: None,
            non_finite: self.non_finite,
            verified: streams.verified,
        }
    }
}

/// Applies `measure` to the K and the V of a unit's capture, in parallel.
pub fn both<T: Send>(
    unit: &Unit,
    measure: impl Fn(&Captured) -> Result<T, MeasureError> + Sync,
) -> Result<(T, T), MeasureError> {
    let one = |kv, tensor: &Tensor| {
        measure(&Captured {
            kv,
            tensor,
            non_finite: tensor.non_finite(),
            extras: unit.extras(),
        })
    };
    let member = unit.capture();
    let (k, v) = par::join(|| one(Kv::K, &member.k), || one(Kv::V, &member.v));
    Ok((k?, v?))
}
