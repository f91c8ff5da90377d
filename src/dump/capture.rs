//! A capture: K and V of one layer for a span of tokens, described.

use std::ops::Range;

use super::bytes::place::Place;
use super::bytes::stream::Span;
use crate::tensor::{Dtype, Shape};

/// K and V of one layer for a span of tokens: their description, and where their bytes lie.
#[derive(Clone, Debug)]
pub struct Capture {
    /// Path of the meta file, or of the file that holds the tensors followed by the layer; unique within a dump.
    pub path: String,
    /// Run that the capture belongs to: `run_id`, or else the folder above the layer's folder, or else "".
    pub run: String,
    /// Layer number in the model; -1 if unknown.
    pub layer_id: i64,
    /// Stage: `prefill`, `decode`, `unknown`, or whatever else the file says.
    pub stage: String,
    /// Position of the first token.
    pub seq_start: u64,
    /// Shape of K.
    pub shape: Shape,
    /// Shape of V: the same number of tokens as K; heads and head dimension may differ.
    pub v_shape: Shape,
    /// Element type of K and V.
    pub dtype: Dtype,
    /// Path of the meta file relative to the outermost archive, whether or not such a file exists.
    pub(crate) inner: Option<String>,
    pub(crate) k: Place,
    pub(crate) v: Place,
}

impl Capture {
    /// Size of K and V together, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes_of(self.shape) + self.v_bytes()
    }

    /// Size of V alone, in bytes.
    pub fn v_bytes(&self) -> u64 {
        self.bytes_of(self.v_shape)
    }

    fn bytes_of(&self, shape: Shape) -> u64 {
        // Checked when the capture was made: both tensors fit in memory.
        shape.bytes(self.dtype).unwrap_or(0) as u64
    }

    /// The capture with these of its tokens only; `None` if it hasn't got them.
    pub fn tokens(&self, tokens: Range<usize>) -> Option<Self> {
        let seq_len = tokens.len();
        if seq_len == 0 || tokens.end > self.shape.seq_len {
            return None;
        }
        if seq_len == self.shape.seq_len {
            return Some(self.clone());
        }
        let place = |place: &Place, shape| place.tokens(shape, self.dtype, tokens.clone());
        Some(Self {
            seq_start: self.seq_start.saturating_add(tokens.start as u64),
            shape: Shape {
                seq_len,
                ..self.shape
            },
            v_shape: Shape {
                seq_len,
                ..self.v_shape
            },
            k: place(&self.k, self.shape)?,
            v: place(&self.v, self.v_shape)?,
            ..self.clone()
        })
    }

    /// Number of bytes that are read for K and V, before they are decoded.
    pub fn bytes_to_read(&self) -> u64 {
        self.k.span.len() + self.v.span.len()
    }

    /// Paths, in the source, of the files that hold the capture's bytes; for an entry of an archive, the archive. The
    /// meta file's path is [`Capture::path`].
    pub fn files(&self) -> Vec<&str> {
        let spans = self.spans();
        let mut files: Vec<&str> = spans.map(|span| span.stream().file_name()).collect();
        files.sort_unstable();
        files.dedup();
        files
    }

    /// The spans of K, then those of V.
    pub(crate) fn spans(&self) -> impl Iterator<Item = &Span> {
        self.k.spans().chain(self.v.spans())
    }

    /// Path of the meta file relative to the outermost archive, whether or not such a file exists; `None` for plain
    /// arrays.
    pub fn meta_path(&self) -> Option<&str> {
        self.inner.as_deref()
    }
}
