//! The table of formats.

use super::spec::Format;
use super::{captures, kvz, npy, packed_meta, queries, safetensors};
use crate::dump::bytes::path::{file_name, is_like, is_system_file};

/// Every format that is read. The first one whose name fits counts.
pub(crate) const FORMATS: &[Format] = &[
    captures::FORMAT,
    packed_meta::FORMAT,
    queries::FORMAT,
    npy::FORMAT,
    safetensors::FORMAT,
    kvz::FORMAT,
];

/// The format that the name of a file tells alone.
pub(crate) fn format_of(path: &str) -> Option<&'static Format> {
    let name = file_name(path);
    let fits = |format: &&Format| {
        format.first_bytes.is_empty() && format.names.iter().any(|rule| is_like(name, rule))
    };
    FORMATS.iter().find(fits).filter(|_| !is_system_file(name))
}
