//! The distinct streams that an analysis with default settings passes to zstd, for one capture.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use kvlens::analysis::{CaptureInfo, Job};
use kvlens::codec::{delta, split};
use kvlens::dump::Loaded;

/// The streams; empty if the analysis skips the layer.
pub fn of(job: &Job, capture: &CaptureInfo, loaded: &Loaded) -> Vec<Vec<u8>> {
    let mut streams = Vec::new();
    for tensor in [&loaded.k, &loaded.v] {
        for tensor in job.compressed(capture, tensor) {
            let (mut hi, lo) = split(&tensor);
            delta(&mut hi, tensor.dtype(), tensor.shape());
            streams.extend([hi, lo]);
        }
    }
    let mut seen = HashSet::new();
    streams.retain(|stream| {
        let mut hasher = DefaultHasher::new();
        stream.hash(&mut hasher);
        seen.insert(hasher.finish())
    });
    streams
}
