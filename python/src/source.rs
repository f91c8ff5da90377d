//! Files that are read by Python: arrays in memory, object stores, anything that fsspec opens.

use crate::errors::Raised;
use kvlens::dump::{FileEntry, Source, SourceError};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// A list of paths and sizes, and a function `read(file, offset, length) -> bytes`.
pub struct PySource {
    entries: Vec<FileEntry>,
    read: Py<PyAny>,
    raised: Raised,
}

impl PySource {
    /// A source of these files, which `read` identifies by their index in the list. What is no error of a read, such as Ctrl-C during one,
    /// comes to `raised`, and nothing more is read.
    pub fn new(files: Vec<(String, u64)>, read: Py<PyAny>, raised: Raised) -> Self {
        let entry = |(path, size)| FileEntry { path, size };
        Self {
            entries: files.into_iter().map(entry).collect(),
            read,
            raised,
        }
    }
}

impl Source for PySource {
    fn files(&self) -> &[FileEntry] {
        &self.entries
    }

    fn read_at(&self, file: usize, offset: u64, len: usize) -> Result<Vec<u8>, SourceError> {
        let size = self.entries.get(file).map_or(0, |entry| entry.size);
        let needed = offset.saturating_add(len as u64);
        if needed > size {
            return Err(SourceError::Short { needed, end: size });
        }
        if self.raised.is_set() {
            return Err(SourceError::Io("reading was ended".to_owned()));
        }
        Python::attach(|py| {
            let said = |error: PyErr| {
                let told = SourceError::Io(error.to_string());
                if !error.is_instance_of::<PyException>(py) {
                    self.raised.set(error);
                }
                told
            };
            let bytes = self.read.call1(py, (file, offset, len)).map_err(said)?;
            let bytes = bytes
                .bind(py)
                .cast::<PyBytes>()
                .map_err(|error| SourceError::Io(error.to_string()))?;
            if bytes.as_bytes().len() != len {
                let end = offset.saturating_add(bytes.as_bytes().len() as u64);
                return Err(SourceError::Short { needed, end });
            }
            Ok(bytes.as_bytes().to_vec())
        })
    }
}
