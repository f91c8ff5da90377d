//! What is in a source: its files, and the entries of its archives. Knows no format of tensors.

mod expand;
mod listing;
mod packed_file;
mod table;
mod tar;
mod zip;

pub(crate) use expand::{list, zip_entries};
pub(crate) use listing::{ListOptions, ListedFile};
pub(crate) use table::ARCHIVES;
