//! Why a dump can't be packed.

use thiserror::Error;

use super::measure::Measured;
use crate::dump::Problem;
use crate::kvz::HeadError;

/// Why a dump can't be packed.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum PackError {
    /// There is nothing to pack.
    #[error("no capture to pack")]
    Nothing,
    /// A capture could not be read.
    #[error(transparent)]
    Capture(#[from] Problem),
    /// A scheme does not fit a layer.
    #[error("run {run:?}, layer {layer}: {scheme} can't store it: {why}")]
    Unfit {
        /// The run.
        run: String,
        /// The layer.
        layer: i64,
        /// The scheme.
        scheme: String,
        /// What is in the way.
        why: String,
    },
    /// The index is too large for the format.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// A limit of attention errors where no layer has queries.
    #[error(
        "the dump has no captured queries, which attention errors need; use a cosine or an index as the limit"
    )]
    NoQueries,
    /// What was read back is not what was stored.
    #[error("run {run:?}, layer {layer}: what is read back is not what was stored")]
    Differs {
        /// The run.
        run: String,
        /// The layer.
        layer: i64,
    },
    /// The errors of what was read back are not those that the search found.
    #[error(
        "what is read back has other errors than the search found: {found:?}, expected {promised:?}"
    )]
    Promised {
        /// Of what was read back.
        found: Box<Measured>,
        /// As the search found them.
        promised: Box<Measured>,
    },
    /// The file could not be written or read back.
    #[error("{path}: {why}")]
    Write {
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
    /// It was asked to stop.
    #[error("cancelled")]
    Cancelled,
}
