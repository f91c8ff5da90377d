//! Why a dump could not be converted.

use thiserror::Error;

use crate::dump::Problem;

/// Why a conversion can't be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConvertError {
    /// No capture has the stage, layers and tokens asked for.
    #[error("no capture has the stage, layers and tokens asked for")]
    Nothing,
    /// A capture could not be read: what is written so far is not whole.
    #[error(transparent)]
    Capture(#[from] Problem),
    /// The output could not be written.
    #[error("can't write {path}: {why}")]
    Write {
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
}
