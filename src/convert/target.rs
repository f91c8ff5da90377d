//! A capture as it will be written: its tokens, element type and names.

use std::ops::Range;
use std::sync::Arc;

use super::overflows::Overflows;
use crate::dump::Capture;
use crate::tensor::{Dtype, Shape};

/// A capture as it will be written.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub capture: Arc<Capture>,
    pub index: usize,
    /// Range of tokens to keep, relative to the capture's first.
    pub tokens: Range<usize>,
    pub dtype: Dtype,
    /// Folder with a trailing `/`; `stem` is the part of the file name between `meta_` and `.json`.
    pub folder: String,
    pub stem: String,
    pub overflows: Overflows,
}

impl Target {
    pub fn seq_start(&self) -> u64 {
        self.capture
            .seq_start
            .saturating_add(self.tokens.start as u64)
    }

    /// Shapes of K and V as they will be written.
    pub fn shapes(&self) -> [Shape; 2] {
        let seq_len = self.tokens.len();
        [self.capture.shape, self.capture.v_shape].map(|shape| Shape { seq_len, ..shape })
    }

    /// Sizes of K and V in bytes. The capture is at least as large and fits in memory, so nothing overflows.
    pub fn tensor_bytes(&self) -> [u64; 2] {
        self.shapes()
            .map(|shape| shape.bytes(self.dtype).unwrap_or(0) as u64)
    }

    pub fn meta_path(&self) -> String {
        format!("{}meta_{}.json", self.folder, self.stem)
    }
}
