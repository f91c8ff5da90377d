//! Why there is no report.

use super::settings::SettingsErrors;
use crate::codec::DecodeError;
use thiserror::Error;

/// Why a [`super::Job`] can't be made, or ends without a report.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JobError {
    /// There is no analysis of this name.
    #[error("{name}: no such analysis; there are {}", known.join(", "))]
    UnknownAnalysis {
        /// The name given.
        name: String,
        /// The names that there are.
        known: Vec<&'static str>,
    },
    /// Settings that are unknown or out of range, all of them.
    #[error(transparent)]
    Settings(#[from] SettingsErrors),
    /// The filters by stage and length leave no capture to analyse.
    #[error(
        "none of the {captures} captures is left by stage {stage}, min-seq-len {min_seq_len}, max-seq-len {max_seq_len}"
    )]
    NoCapture {
        /// Captures in the dump.
        captures: usize,
        /// The setting `stage`.
        stage: &'static str,
        /// The setting `min-seq-len`; 0 is no bound.
        min_seq_len: i64,
        /// The setting `max-seq-len`; 0 is no bound.
        max_seq_len: i64,
    },
    /// Every capture that the filters leave is of a layer that stays lossless, and the analysis has rows for others only.
    #[error(
        "nothing to analyse: {}, below lossless-first-n {lossless_first_n}",
        if *captures == 1 { "the one capture left is of a lossless layer".to_owned() } else { format!("all {captures} captures left are of lossless layers") }
    )]
    AllLossless {
        /// Captures that the filters leave.
        captures: usize,
        /// The setting `lossless-first-n`.
        lossless_first_n: i64,
    },
    /// The analysis needs all captures at once.
    #[error(
        "{analysis} can't be split into parts, nor told in rows of captures: it measures the captures of a layer together, and chooses by all layers what it looks at again"
    )]
    NoParts {
        /// The analysis.
        analysis: &'static str,
    },
    /// Threads can't be started; in the system's words.
    #[error("threads can't be started: {0}")]
    Threads(String),
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A capture's frames did not decode to what went in.
    #[error("{capture}: {error}")]
    Measure {
        /// The capture's path.
        capture: String,
        /// What is wrong.
        error: MeasureError,
    },
    /// A flaw of this program, met at this capture.
    #[error("{capture}: internal error: {message}")]
    Panic {
        /// The capture's path.
        capture: String,
        /// The panic's message.
        message: String,
    },
}

/// Why a capture could not be measured.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MeasureError {
    /// Nobody wants the result any more.
    #[error("cancelled")]
    Cancelled,
    /// What a scheme stored does not read back.
    #[error("{tensor} stored by {scheme} does not read back: {reason}")]
    NotReadBack {
        /// `K` or `V`.
        tensor: &'static str,
        /// The scheme's name.
        scheme: String,
        /// In the decoder's words.
        reason: String,
    },
    /// A frame does not decode, or to other bytes than were compressed.
    #[error("{tensor} does not decode to the bytes that were compressed{}", reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    NotVerified {
        /// `K` or `V`.
        tensor: &'static str,
        /// Why it does not decode; absent where it decodes to other bytes.
        reason: Option<DecodeError>,
    },
}
