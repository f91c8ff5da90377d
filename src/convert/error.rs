//! Errors of a conversion.

use thiserror::Error;

use crate::dump::Problem;

/// Reason why a dump could not be converted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConvertError {
    /// No capture has the requested stage, layers and tokens.
    #[error("no capture has the stage, layers and tokens asked for")]
    Nothing,
    /// A capture could not be read: the output so far is incomplete.
    #[error(transparent)]
    Capture(#[from] Problem),
    /// The path is longer than a zip entry's path may be.
    #[error(
        "{start}…: a zip can't hold a path of {len} bytes, 65,535 are the most; write a folder or .safetensors"
    )]
    LongPath {
        /// Where the path starts.
        start: String,
        /// Its length in bytes.
        len: usize,
    },
    /// The output could not be written.
    #[error("can't write {path}: {why}")]
    Write {
        /// Path of the output file.
        path: String,
        /// Error message of the OS.
        why: String,
    },
}
