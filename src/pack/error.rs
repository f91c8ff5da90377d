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
    /// The limit is on the attention error, but no layer has queries that fit it.
    #[error(
        "the dump has no captured queries that fit its tokens, which attention errors need; use a cosine or an index as the limit"
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
    /// A scheme's scales can't hold a layer's values.
    #[error(
        "run {run:?}, layer {layer}: its {kv} is finite, but comes back from {scheme} with NaN or infinite values, since they are too large for the scheme's scales; choose another scheme, such as tkc"
    )]
    NotFinite {
        /// Name of the run.
        run: String,
        /// Layer number.
        layer: i64,
        /// `k` or `v`.
        kv: &'static str,
        /// Name of the scheme.
        scheme: String,
    },
    /// The errors of the file differ from those that the search found.
    #[error(
        "what was read back has other errors than the search found, which is a fault of kvlens: cosine {} and {} of K and V, index {} and {}; expected {} and {}, {} and {}",
        found.k.cosine, found.v.cosine, found.k.index, found.v.index,
        promised.k.cosine, promised.v.cosine, promised.k.index, promised.v.index
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
