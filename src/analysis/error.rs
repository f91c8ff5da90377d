//! Errors of jobs and of measuring a capture.

use super::settings::SettingsErrors;
use crate::codec::DecodeError;
use crate::tensor::Kv;
use thiserror::Error;

/// Why a [`super::Job`] can't be created, or ends without a report.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JobError {
    /// No analysis has this name.
    #[error("{name}: no such analysis; there are {}", known.join(", "))]
    UnknownAnalysis {
        /// The requested name.
        name: String,
        /// Names of the available analyses.
        known: Vec<&'static str>,
    },
    /// Settings that are unknown or out of range; holds all of them.
    #[error(transparent)]
    Settings(#[from] SettingsErrors),
    /// The filters by stage and length keep none of the captures.
    #[error(
        "{} stage {stage}, min-seq-len {min_seq_len}, max-seq-len {max_seq_len}",
        if *captures == 1 { "the one capture does not match".to_owned() } else { format!("none of the {captures} captures matches") }
    )]
    NoCapture {
        /// Captures in the dump.
        captures: usize,
        /// The setting `stage`.
        stage: &'static str,
        /// The setting `min-seq-len`; 0 means no bound.
        min_seq_len: i64,
        /// The setting `max-seq-len`; 0 means no bound.
        max_seq_len: i64,
    },
    /// All captures that the filters keep belong to lossless layers, for which the analysis has no rows.
    #[error(
        "nothing to analyse: {}, below lossless-first-n {lossless_first_n}",
        if *captures == 1 { "the one capture left is of a lossless layer".to_owned() } else { format!("all {captures} captures left are of lossless layers") }
    )]
    AllLossless {
        /// Captures that the filters keep.
        captures: usize,
        /// The setting `lossless-first-n`.
        lossless_first_n: i64,
    },
    /// The analysis can't be split into parts, since it needs all captures at once.
    #[error(
        "{analysis} can't be split into parts or written as rows: it measures the captures of a layer together, and chooses by all layers what it measures again"
    )]
    NoParts {
        /// Name of the analysis.
        analysis: &'static str,
    },
    /// Threads can't be started; holds the OS error message.
    #[error("threads can't be started: {0}")]
    Threads(String),
    /// The job was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A capture could not be measured.
    #[error("{capture}: {error}")]
    Measure {
        /// Path of the capture.
        capture: String,
        /// Why it could not be measured.
        error: MeasureError,
    },
    /// A panic while this capture was measured, which is a bug in kvlens.
    #[error("{capture}: internal error: {message}")]
    Panic {
        /// Path of the capture.
        capture: String,
        /// The panic message.
        message: String,
    },
}

/// Why a capture could not be measured.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MeasureError {
    /// The job was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The bytes that a scheme stored could not be decoded.
    #[error("{tensor} stored by {scheme} does not read back: {reason}")]
    NotReadBack {
        /// K or V.
        tensor: Kv,
        /// Name of the scheme.
        scheme: String,
        /// The decoder's error message.
        reason: String,
    },
    /// A compressed frame does not decode, or decodes to other bytes than were compressed.
    #[error("{tensor} does not decode to the bytes that were compressed{}", reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    NotVerified {
        /// K or V.
        tensor: Kv,
        /// Why it does not decode; absent where it decodes to other bytes.
        reason: Option<DecodeError>,
    },
}
