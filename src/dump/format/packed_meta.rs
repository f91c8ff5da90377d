//! `packed_meta_*.json`: a capture in the layout of an inference engine's own buffers, which is named and not read.

use super::captures::read_meta;
use super::spec::Format;
use crate::dump::problem::Fault;

/// Captures in MNN's packed layout.
pub(super) const FORMAT: Format = Format {
    label: "packed capture",
    names: &["packed_meta_*.json"],
    first_bytes: &[],
    read_head: read_meta,
    parse: |_, _, _| Err(Fault::PackedLayout),
};
