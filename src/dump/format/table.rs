//! The table of formats.

use super::spec::Format;
use super::{
    captures, kvz, llama_cache, npy, packed_meta, queries, safetensors, shard_index, torch,
};
use crate::dump::bytes::path::{file_name, is_like, is_system_file};

/// Every format that is read; the first one with a matching name pattern applies.
pub(crate) const FORMATS: &[Format] = &[
    captures::FORMAT,
    packed_meta::FORMAT,
    queries::FORMAT,
    npy::FORMAT,
    safetensors::FORMAT,
    shard_index::FORMAT,
    torch::FORMAT,
    llama_cache::FORMAT,
    kvz::FORMAT,
];

/// Formats that a file of this name may have, but only its first bytes tell which.
pub(crate) fn formats_by_content(path: &str) -> impl Iterator<Item = &'static Format> {
    let name = file_name(path).to_owned();
    let system = is_system_file(&name);
    FORMATS.iter().filter(move |format| {
        !system
            && !format.first_bytes.is_empty()
            && format.names.iter().any(|rule| is_like(&name, rule))
    })
}

/// Whether a file may be of a format that only its first bytes identify.
pub(crate) fn is_told_by_content(path: &str) -> bool {
    formats_by_content(path).next().is_some()
}

/// The format that a file's name alone identifies.
pub(crate) fn format_of(path: &str) -> Option<&'static Format> {
    let name = file_name(path);
    let fits = |format: &&Format| {
        format.first_bytes.is_empty() && format.names.iter().any(|rule| is_like(name, rule))
    };
    FORMATS.iter().find(fits).filter(|_| !is_system_file(name))
}
