//! One capture as it will be written: its tokens, element type and names.

use std::ops::Range;
use std::sync::Arc;

use crate::dump::Capture;
use crate::tensor::{Dtype, Shape};

/// One capture as it will be written.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub capture: Arc<Capture>,
    pub index: usize,
    /// The tokens to keep, counted from the capture's first.
    pub tokens: Range<usize>,
    pub dtype: Dtype,
    /// Folder with its `/`, and what stands between `meta_` and `.json`.
    pub folder: String,
    pub stem: String,
}

impl Target {
    pub fn seq_start(&self) -> u64 {
        self.capture
            .seq_start
            .saturating_add(self.tokens.start as u64)
    }

    /// Shapes of K and of V as they will be written.
    pub fn shapes(&self) -> [Shape; 2] {
        let seq_len = self.tokens.len();
        [self.capture.shape, self.capture.v_shape].map(|shape| Shape { seq_len, ..shape })
    }

    /// Bytes of K and of V. The capture has at least as many, and fits in memory.
    pub fn tensor_bytes(&self) -> [u64; 2] {
        self.shapes()
            .map(|shape| shape.bytes(self.dtype).unwrap_or(0) as u64)
    }

    pub fn meta_path(&self) -> String {
        format!("{}meta_{}.json", self.folder, self.stem)
    }
}
