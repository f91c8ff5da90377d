//! The files of a source and the entries of its archives. Knows no tensor format.

mod expand;
mod listing;
mod packed_file;
mod table;
mod tar;
mod zip;

pub(crate) use expand::{list, zip_entries};
pub(crate) use listing::{Link, ListOptions, ListedFile};
pub(crate) use table::ARCHIVES;
