//! Folds rows files as they come, in the order of their captures.

use crate::errors::{job, value};
use crate::report::PyReport;
use kvlens::rows::{Merged, Merger, RowsReader};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::io::Cursor;
use std::sync::{Mutex, PoisonError};

/// Python's side of `kvlens::rows::Merger`.
#[pyclass(name = "Merger", module = "kvlens._kvlens")]
pub struct PyMerger {
    folder: String,
    /// A mutex, since Python may call from any thread.
    merger: Mutex<Option<Merger>>,
}

#[pymethods]
impl PyMerger {
    #[new]
    fn new(folder: String) -> Self {
        Self {
            folder,
            merger: Mutex::new(None),
        }
    }

    /// Adds the bytes of the next rows file.
    fn push(&mut self, file: &[u8]) -> PyResult<()> {
        let part = RowsReader::open(Cursor::new(file)).map_err(value)?;
        let place = self
            .merger
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let mut merger = match place.take() {
            Some(merger) => merger,
            None => Merger::new(part.head(), &self.folder).map_err(job)?,
        };
        merger.push(part).map_err(value)?;
        *place = Some(merger);
        Ok(())
    }

    /// The report. The rows themselves were not kept: only its files remain.
    fn finish(&mut self) -> PyResult<PyReport> {
        let place = self.merger.get_mut();
        let merger = place.unwrap_or_else(PoisonError::into_inner).take();
        let merger = merger.ok_or_else(|| PyRuntimeError::new_err("nothing was measured"))?;
        let Merged { report, .. } = merger.finish();
        Ok(PyReport {
            report,
            lines: Vec::new(),
            has_rows: false,
        })
    }
}
