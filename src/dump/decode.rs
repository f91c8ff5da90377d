//! From a capture to its tensors: *fetch* reads bytes from the source, *decode* makes tensors of them.

use std::sync::Arc;

use super::bytes::place::Place;
use super::bytes::source::SourceError;
use super::bytes::stream::Bytes;
use super::capture::Capture;
use super::problem::{Fault, Problem};
use crate::tensor::{Shape, Tensor, TensorError};

impl Capture {
    /// Reads what `decode` needs, whatever the order of calls. To read many captures use [`super::Dump::fetches`].
    ///
    /// # Errors
    /// When the file has changed since the scan or can't be read.
    pub fn fetch(self: &Arc<Self>) -> Result<Fetched, Problem> {
        Fetched::read(self)
    }
}

/// The bytes of one capture as the source has them.
#[derive(Debug)]
pub struct Fetched {
    capture: Arc<Capture>,
    /// Of each the span's bytes, then those of the spans beside it.
    k: Vec<Bytes>,
    v: Vec<Bytes>,
}

/// K and V of one capture.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The keys.
    pub k: Tensor,
    /// The values.
    pub v: Tensor,
}

/// A capture that can't be read is named together with the file that its bytes lie in.
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
        let read = |place: &Place| {
            let spans = std::iter::once(&place.span).chain(&place.beside);
            spans
                .map(|span| {
                    span.fetch()
                        .map_err(|error| unreadable(capture, place, &error))
                })
                .collect::<Result<Vec<Bytes>, Problem>>()
        };
        Ok(Self::new(
            Arc::clone(capture),
            read(&capture.k)?,
            read(&capture.v)?,
        ))
    }

    pub(super) fn new(capture: Arc<Capture>, k: Vec<Bytes>, v: Vec<Bytes>) -> Self {
        Self { capture, k, v }
    }

    /// The capture that these bytes are of.
    pub fn capture(&self) -> &Arc<Capture> {
        &self.capture
    }

    /// Makes the tensors: unpacks, checks the checksum where there is one, orders the axes. Pure: no file is touched.
    ///
    /// # Errors
    /// When the bytes don't make up the tensors that the scan found.
    pub fn decode(self) -> Result<Loaded, Problem> {
        let Self { capture, k, v } = self;
        let (k, v) = (
            tensor(&capture, &capture.k, capture.shape, k)?,
            tensor(&capture, &capture.v, capture.v_shape, v)?,
        );
        Ok(Loaded { k, v })
    }
}

fn tensor(
    capture: &Capture,
    place: &Place,
    shape: Shape,
    parts: Vec<Bytes>,
) -> Result<Tensor, Problem> {
    let spans = std::iter::once(&place.span).chain(&place.beside);
    let parts = parts.into_iter().zip(spans);
    let bytes = parts
        .map(|(bytes, span)| bytes.unpack(span))
        .collect::<Result<_, _>>()
        .and_then(|parts| place.arrange(parts, shape, capture.dtype))
        .map_err(|error| unreadable(capture, place, &error))?;
    let broken = |error: TensorError| Problem::new(&capture.path, Fault::Broken(error.to_string()));
    Tensor::new(capture.dtype, shape, bytes).map_err(broken)
}
