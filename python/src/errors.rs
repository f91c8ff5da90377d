//! Errors as Python's: what a user gave is a ValueError, what the system says an OSError, the rest a RuntimeError.

use kvlens::analysis::{JobError, SettingsError, SettingsErrors};
use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use serde::Serialize;
use std::fmt::Display;

/// A setting or an argument that can't be used.
pub fn value(error: impl Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// What the system refused.
pub fn system(error: impl Display) -> PyErr {
    PyOSError::new_err(error.to_string())
}

/// A value as JSON.
pub fn json(value: &impl Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

/// Why there is no report.
pub fn job(error: JobError) -> PyErr {
    match error {
        JobError::Settings(errors) => settings(&errors),
        JobError::UnknownAnalysis { .. }
        | JobError::NoCapture { .. }
        | JobError::AllLossless { .. }
        | JobError::NoParts { .. } => value(error),
        JobError::Cancelled => PyKeyboardInterrupt::new_err(()),
        JobError::Threads(_) | JobError::Measure { .. } | JobError::Panic { .. } => {
            PyRuntimeError::new_err(error.to_string())
        }
    }
}

/// The command line's messages, each with the setting's name as it is here.
fn settings(errors: &SettingsErrors) -> PyErr {
    let line = |error: &SettingsError| {
        let text = error.to_string();
        let rest = text.split_once(": ").map_or("", |(_, rest)| rest);
        format!("{}: {rest}", error.flag().replace('-', "_"))
    };
    value(errors.0.iter().map(line).collect::<Vec<_>>().join("\n"))
}
