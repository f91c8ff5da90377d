//! Temporary folders in which files are written until they are complete and get their final name.
//!
//! The folder's name is random and `mkdir` fails if it exists, so a file or link planted there is neither followed nor
//! overwritten; and no scan takes a folder of such a name for a dump ([`unfinished_name`](super::unfinished_name)).

use std::fs;
use std::io;
use std::path::Path;

use tempfile::{Builder, TempDir};

use super::bytes::path::{UNFINISHED_END, UNFINISHED_START};

/// Creates a temporary folder in `parent`, so that it is on the same disk as the final files. It is deleted when the
/// value is dropped.
///
/// # Errors
/// When the folder can't be created.
pub fn unfinished_folder(parent: &Path, what: &str) -> io::Result<TempDir> {
    let parent = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    // The builder's own errors name the temporary folder, which would mean nothing to the user.
    if !fs::metadata(parent)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Builder::new()
        .prefix(&format!("{UNFINISHED_START}{what}-"))
        .suffix(UNFINISHED_END)
        .tempdir_in(parent)
}
