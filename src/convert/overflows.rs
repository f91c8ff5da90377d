//! Values that a conversion could not keep.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Number of finite values beyond the range of the type that they were rounded to, which became infinite. Clones share it: it grows while the
/// captures are written, on whatever thread.
#[derive(Clone, Debug, Default)]
pub struct Overflows(Arc<AtomicU64>);

impl Overflows {
    /// The number so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, values: usize) {
        self.0.fetch_add(values as u64, Ordering::Relaxed);
    }
}
