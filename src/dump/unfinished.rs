//! Where files come into being under a name that nobody can guess, until they are complete and get their own.
//!
//! The folder's name is random and `mkdir` fails where it is taken, so nothing that lies in wait there is followed or overwritten; and it
//! is one that no scan takes for a dump ([`unfinished_name`](super::unfinished_name)).

use std::io;
use std::path::Path;

use tempfile::{Builder, TempDir};

use super::bytes::path::{UNFINISHED_END, UNFINISHED_START};

/// A temporary folder in `parent`, on whose disk its files are to stay; it goes away with its value.
///
/// # Errors
/// When it can't be made.
pub fn unfinished_folder(parent: &Path, what: &str) -> io::Result<TempDir> {
    let parent = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    Builder::new()
        .prefix(&format!("{UNFINISHED_START}{what}-"))
        .suffix(UNFINISHED_END)
        .tempdir_in(parent)
}
