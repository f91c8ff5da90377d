//! A capture: K and V of one layer for a span of tokens, described.

use super::bytes::place::Place;
use crate::tensor::{Dtype, Shape};

/// K and V of one layer for a span of tokens: what they are, and where their bytes lie.
#[derive(Clone, Debug)]
pub struct Capture {
    /// Path of the meta file, or of the file that holds the tensors with the layer behind it; unique within a dump.
    pub path: String,
    /// The run it belongs to: `run_id`, else the folder above the layer's, else "".
    pub run: String,
    /// The model's own number of the layer; -1 where it isn't known.
    pub layer_id: i64,
    /// `prefill`, `decode`, `unknown`, or whatever else the file says.
    pub stage: String,
    /// Position of the first token.
    pub seq_start: u64,
    /// Shape of K.
    pub shape: Shape,
    /// Shape of V: as many tokens; heads and their width may be others.
    pub v_shape: Shape,
    /// Element type of K and V.
    pub dtype: Dtype,
    /// Path that the meta file has, or would have, relative to the outermost archive.
    pub(crate) inner: Option<String>,
    pub(crate) k: Place,
    pub(crate) v: Place,
}

impl Capture {
    /// Bytes of K and V together.
    pub fn bytes(&self) -> u64 {
        // Checked when the capture was made: both tensors fit in memory.
        let bytes = |shape: Shape| shape.bytes(self.dtype).unwrap_or(0) as u64;
        bytes(self.shape) + bytes(self.v_shape)
    }

    /// Paths, in the source, of the files that hold its bytes: archives where they lie in archives. Its meta file is [`Capture::path`].
    pub fn files(&self) -> Vec<&str> {
        let spans = [&self.k, &self.v]
            .into_iter()
            .flat_map(|place| std::iter::once(&place.span).chain(&place.beside));
        let mut files: Vec<&str> = spans.map(|span| span.stream().file_name()).collect();
        files.sort_unstable();
        files.dedup();
        files
    }

    /// Path that the meta file has, or would have, relative to the outermost archive; `None` for plain arrays.
    pub fn meta_path(&self) -> Option<&str> {
        self.inner.as_deref()
    }
}
