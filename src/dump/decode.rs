//! From a capture to its tensors: *fetch* reads bytes from the source, *decode* turns them into tensors.

use std::sync::Arc;

use super::bytes::forward::fetch_all;
use super::bytes::place::Place;
use super::bytes::source::SourceError;
use super::bytes::stream::Bytes;
use super::capture::Capture;
use super::problem::{Fault, Problem};
use crate::par;
use crate::tensor::{Shape, Tensor, TensorError};

impl Capture {
    /// Reads the bytes that [`Fetched::decode`] needs; captures may be fetched in any order. To read many captures use
    /// [`super::Dump::fetches`].
    ///
    /// # Errors
    /// When the file has changed since the scan or can't be read.
    pub fn fetch(self: &Arc<Self>) -> Result<Fetched, Problem> {
        Fetched::read(self)
    }
}

/// Bytes of one capture as the source stores them.
#[derive(Debug)]
pub struct Fetched {
    capture: Arc<Capture>,
    /// Bytes of the tensor's own span, then those of each span in `Place::beside`.
    k: Vec<Bytes>,
    v: Vec<Bytes>,
}

/// K and V of one capture.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Keys, `[seq_len, kv_heads, head_dim]`.
    pub k: Tensor,
    /// Values, `[seq_len, kv_heads, head_dim]`.
    pub v: Tensor,
}

/// Problem of a capture that can't be read; names both the capture and the file that holds its bytes.
pub(super) fn unreadable(capture: &Capture, place: &Place, error: &SourceError) -> Problem {
    let file = place.span.stream().file_name();
    let why = if capture.path.starts_with(file) {
        error.to_string()
    } else {
        format!("{file}: {error}")
    };
    Problem::new(&capture.path, Fault::Unreadable(why))
}

impl Fetched {
    pub(super) fn read(capture: &Arc<Capture>) -> Result<Self, Problem> {
        let mut read = fetch_all(&capture.spans().collect::<Vec<_>>()).into_iter();
        let mut of = |place: &Place| {
            let bytes = read.by_ref().take(place.spans().count());
            bytes
                .map(|bytes| bytes.map_err(|error| unreadable(capture, place, &error)))
                .collect::<Result<Vec<Bytes>, Problem>>()
        };
        let k = of(&capture.k)?;
        let v = of(&capture.v)?;
        Ok(Self::new(Arc::clone(capture), k, v))
    }

    pub(super) fn new(capture: Arc<Capture>, k: Vec<Bytes>, v: Vec<Bytes>) -> Self {
        Self { capture, k, v }
    }

    /// Capture that these bytes belong to.
    pub fn capture(&self) -> &Arc<Capture> {
        &self.capture
    }

    /// Makes the tensors: unpacks, verifies the checksum if there is one, reorders the axes. Pure: touches no file.
    ///
    /// # Errors
    /// When the bytes don't form the tensors that the scan found.
    pub fn decode(self) -> Result<Loaded, Problem> {
        let Self { capture, k, v } = self;
        let (k, v) = par::join(
            || tensor(&capture, &capture.k, capture.shape, k),
            || tensor(&capture, &capture.v, capture.v_shape, v),
        );
        Ok(Loaded { k: k?, v: v? })
    }
}

fn tensor(
    capture: &Capture,
    place: &Place,
    shape: Shape,
    parts: Vec<Bytes>,
) -> Result<Tensor, Problem> {
    let parts = parts.into_iter().zip(place.spans());
    let bytes = parts
        .map(|(bytes, span)| bytes.unpack(span))
        .collect::<Result<_, _>>()
        .and_then(|parts| place.arrange(parts, shape, capture.dtype))
        .map_err(|error| unreadable(capture, place, &error))?;
    let broken = |error: TensorError| Problem::new(&capture.path, Fault::Broken(error.to_string()));
    Tensor::new(capture.dtype, shape, bytes).map_err(broken)
}
