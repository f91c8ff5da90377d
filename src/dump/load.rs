//! From a capture to its tensors: *fetch* reads bytes from the source, *decode* makes tensors of them.

use std::sync::Arc;

use super::capture::Capture;
use super::layout::Layout;
use super::problem::{Fault, Problem};
use super::source::SourceError;
use super::stream::{Bytes, Span};
use crate::tensor::Tensor;

/// Where the bytes of one tensor lie.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub span: Span,
    /// How to bring them in order; `None` where they are.
    pub layout: Option<Layout>,
}

/// The bytes of one capture as the source has them.
#[derive(Debug)]
pub struct Fetched {
    capture: Arc<Capture>,
    k: Bytes,
    v: Bytes,
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
            place
                .span
                .fetch()
                .map_err(|error| unreadable(capture, place, &error))
        };
        Ok(Self::new(
            Arc::clone(capture),
            read(&capture.k)?,
            read(&capture.v)?,
        ))
    }

    pub(super) fn new(capture: Arc<Capture>, k: Bytes, v: Bytes) -> Self {
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
            tensor(&capture, &capture.k, k)?,
            tensor(&capture, &capture.v, v)?,
        );
        Ok(Loaded { k, v })
    }
}

fn tensor(capture: &Capture, place: &Place, bytes: Bytes) -> Result<Tensor, Problem> {
    let mut bytes = bytes
        .unpack(&place.span)
        .map_err(|error| unreadable(capture, place, &error))?;
    if let Some(layout) = &place.layout {
        let short = SourceError::Short {
            needed: place.span.len(),
            end: bytes.len() as u64,
        };
        bytes = layout
            .gather(&bytes, capture.shape, capture.dtype)
            .ok_or_else(|| unreadable(capture, place, &short))?;
    }
    let broken = |error: crate::tensor::TensorError| {
        Problem::new(&capture.path, Fault::Broken(error.to_string()))
    };
    Tensor::new(capture.dtype, capture.shape, bytes).map_err(broken)
}
