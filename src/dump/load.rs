//! From a capture to its tensors: *fetch* reads bytes from the source, *decode* makes tensors of them.

use std::fmt;
use std::sync::Arc;
use std::vec::IntoIter;

use super::capture::Capture;
use super::problem::{Fault, Problem};
use super::source::{Source, SourceError};
use crate::tensor::Tensor;

/// Where the bytes of one tensor lie.
#[derive(Clone)]
pub(super) struct Place {
    pub source: Arc<dyn Source>,
    pub file: usize,
    pub offset: u64,
    pub len: u64,
}

impl fmt::Debug for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} bytes at {} of file {}",
            self.len, self.offset, self.file
        )
    }
}

impl Place {
    fn fetch(&self) -> Result<Vec<u8>, SourceError> {
        let len = usize::try_from(self.len).map_err(|_| SourceError::TooLarge(self.len))?;
        self.source.read_at(self.file, self.offset, len)
    }

    fn name(&self) -> &str {
        &self.source.files()[self.file].path
    }
}

/// The bytes of one capture as the source has them.
#[derive(Debug)]
pub struct Fetched {
    capture: Arc<Capture>,
    k: Vec<u8>,
    v: Vec<u8>,
}

/// K and V of one capture.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The keys.
    pub k: Tensor,
    /// The values.
    pub v: Tensor,
}

impl Fetched {
    pub(super) fn read(capture: &Arc<Capture>) -> Result<Self, Problem> {
        let read = |place: &Place| {
            place
                .fetch()
                .map_err(|error| Problem::new(place.name(), Fault::Unreadable(error.to_string())))
        };
        Ok(Self {
            capture: Arc::clone(capture),
            k: read(&capture.k)?,
            v: read(&capture.v)?,
        })
    }

    /// The capture that these bytes are of.
    pub fn capture(&self) -> &Arc<Capture> {
        &self.capture
    }

    /// Makes the tensors. Pure: no file is touched.
    ///
    /// # Errors
    /// When the bytes don't make up the tensors that the scan found.
    pub fn decode(self) -> Result<Loaded, Problem> {
        let Self { capture, k, v } = self;
        let tensor = |place: &Place, bytes| {
            Tensor::new(capture.dtype, capture.shape, bytes)
                .map_err(|error| Problem::new(place.name(), Fault::Broken(error.to_string())))
        };
        Ok(Loaded {
            k: tensor(&capture.k, k)?,
            v: tensor(&capture.v, v)?,
        })
    }
}

/// Fetches captures one after the other: see [`super::Dump::fetches`].
#[derive(Debug)]
pub struct Fetches {
    rest: IntoIter<(usize, Arc<Capture>)>,
}

impl Fetches {
    pub(super) fn new(captures: Vec<(usize, Arc<Capture>)>) -> Self {
        Self {
            rest: captures.into_iter(),
        }
    }
}

impl Iterator for Fetches {
    type Item = (usize, Result<Fetched, Problem>);

    fn next(&mut self) -> Option<Self::Item> {
        let (index, capture) = self.rest.next()?;
        Some((index, Fetched::read(&capture)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rest.size_hint()
    }
}
