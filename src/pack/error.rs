//! Errors of packing a dump.

use thiserror::Error;

use super::measure::Measured;
use crate::dump::Problem;
use crate::kvz::HeadError;

/// Why a dump can't be packed.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum PackError {
    /// The dump has no captures.
    #[error("no capture to pack")]
    Nothing,
    /// A capture could not be read.
    #[error(transparent)]
    Capture(#[from] Problem),
    /// A scheme can't store a layer.
    #[error("run {run:?}, layer {layer}: {scheme} can't store it: {why}")]
    Unfit {
        /// Name of the run.
        run: String,
        /// Layer number.
        layer: i64,
        /// Name of the scheme.
        scheme: String,
        /// Why the scheme can't store the layer.
        why: String,
    },
    /// The index is too large for the format.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The limit is on the attention error, but no layer has queries.
    #[error(
        "the dump has no captured queries, which attention errors need; use a cosine or an index as the limit"
    )]
    NoQueries,
    /// A layer that was read back differs from what was stored.
    #[error("run {run:?}, layer {layer}: what was read back differs from what was stored")]
    Differs {
        /// Name of the run.
        run: String,
        /// Layer number.
        layer: i64,
    },
    /// The errors of the file differ from those that the search found.
    #[error(
        "what was read back has other errors than the search found: {found:?}, expected {promised:?}"
    )]
    Promised {
        /// Errors of what was read back.
        found: Box<Measured>,
        /// Errors that the search found.
        promised: Box<Measured>,
    },
    /// The file could not be written or read back.
    #[error("{path}: {why}")]
    Write {
        /// Path of the file.
        path: String,
        /// The OS error message.
        why: String,
    },
    /// Packing was cancelled.
    #[error("cancelled")]
    Cancelled,
}
