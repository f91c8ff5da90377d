//! Python exceptions: ValueError for what a user passed, OSError for errors of the OS, RuntimeError for the rest.

use kvlens::analysis::{JobError, SettingsError, SettingsErrors};
use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use serde::Serialize;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

/// The first exception that ended work from within: Ctrl-C, or what a progress function raised. Clones share it.
#[derive(Clone, Default)]
pub struct Raised(Arc<Mutex<Option<PyErr>>>);

impl Raised {
    /// Keeps the exception, unless there is one already.
    pub fn set(&self, error: PyErr) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
    }

    /// Whether there was one.
    pub fn is_set(&self) -> bool {
        let first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.is_some()
    }

    /// Takes the exception out, as the error.
    pub fn check(&self) -> PyResult<()> {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.take().map_or(Ok(()), Err)
    }
}

/// The exception for an invalid setting or argument.
pub fn value(error: impl Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// The exception for an error of the OS.
pub fn system(error: impl Display) -> PyErr {
    PyOSError::new_err(error.to_string())
}

/// Serialises a value to JSON.
pub fn json(value: &impl Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

/// The exception for a job that has no report.
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

/// The command line's messages, each with the setting's Python name.
fn settings(errors: &SettingsErrors) -> PyErr {
    let line = |error: &SettingsError| {
        let text = error.to_string();
        let rest = text.split_once(": ").map_or("", |(_, rest)| rest);
        format!("{}: {rest}", error.flag().replace('-', "_"))
    };
    value(errors.0.iter().map(line).collect::<Vec<_>>().join("\n"))
}
