//! Tensors that were read, with how each is stored: the part of packing that any thread can do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::PackError;
use super::method::Method;
use super::part;
use crate::codec::encode_smallest;
use crate::kvz::StoredScheme;
use crate::par;
use crate::scheme::About;
use crate::tensor::Tensor;

/// What is stored next of a `.kvz`.
pub struct Batch {
    pub(super) jobs: Vec<(Tensor, Job)>,
    pub(super) cancel: Arc<AtomicBool>,
}

/// How a tensor is stored.
pub(super) enum Job {
    Layer(LayerJob),
    /// Captured queries, losslessly.
    Queries,
}

/// K or V of a layer.
pub(super) struct LayerJob {
    pub run: String,
    pub layer: i64,
    pub about: About,
    pub stored: StoredScheme,
    /// The scheme to apply: the stored one, completed by what is known of the layer.
    pub method: Method,
}

impl Batch {
    /// The parts, in order.
    ///
    /// # Errors
    /// When a scheme does not fit, or it was cancelled.
    pub fn store(&self) -> Result<Vec<Vec<u8>>, PackError> {
        let parts = par::map(&self.jobs, &|(tensor, job)| {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(PackError::Cancelled);
            }
            match job {
                Job::Queries => Ok(encode_smallest(tensor)),
                Job::Layer(job) => job.store(tensor),
            }
        });
        parts.into_iter().collect()
    }
}

impl LayerJob {
    fn store(&self, tensor: &Tensor) -> Result<Vec<u8>, PackError> {
        let bytes = part::encode(&self.method, &self.stored, tensor, &self.about);
        bytes.map_err(|unfit| PackError::Unfit {
            run: self.run.clone(),
            layer: self.layer,
            scheme: self.method.to_string(),
            why: unfit.to_string(),
        })
    }
}
