//! A report, with the rows that it is made of.

use crate::errors::{job, json};
use crate::rows::PyRows;
use kvlens::analysis::{Job, Report, ReportFile};
use kvlens::rows::Line;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::collections::BTreeMap;

/// The result of an analysis.
#[pyclass(name = "Report", module = "kvlens._kvlens", frozen)]
pub struct PyReport {
    pub report: Report,
    pub lines: Vec<Line>,
    /// Whether the rows were kept.
    pub has_rows: bool,
}

#[pymethods]
impl PyReport {
    /// Everything except the files, as JSON.
    fn json(&self) -> PyResult<String> {
        json(&self.report)
    }

    /// The rows, if they were kept.
    fn rows(&self) -> PyResult<Option<PyRows>> {
        self.has_rows.then(|| PyRows::new(&self.lines)).transpose()
    }

    /// Name and contents of each report file; files that mention their folder mention this one, if the rows were kept.
    fn files<'py>(
        &self,
        py: Python<'py>,
        folder: Option<&str>,
    ) -> PyResult<Vec<(String, Bound<'py, PyBytes>)>> {
        let again = match folder {
            Some(folder) if self.has_rows => Some(self.folded(folder)?),
            _ => None,
        };
        let files: &[ReportFile] = again
            .as_ref()
            .map_or(&self.report.files, |again| &again.files);
        let file = |file: &ReportFile| (file.name.clone(), PyBytes::new(py, &file.bytes));
        Ok(files.iter().map(file).collect())
    }

    /// The answer of explore, in sentences.
    fn answer(&self) -> Vec<String> {
        let explored = self.report.explored.as_ref();
        explored
            .map(|explored| explored.answer())
            .unwrap_or_default()
    }

    /// Names of files that an earlier run may have written and this one did not.
    fn superseded(&self) -> Vec<&'static str> {
        self.report.superseded.clone()
    }
}

impl PyReport {
    fn folded(&self, folder: &str) -> PyResult<Report> {
        let settings: BTreeMap<&str, String> = self.report.settings.texts().collect();
        let again = Job::new(self.report.analysis, settings).map_err(job)?;
        let mut joining = again.folder(folder).joining().map_err(job)?;
        let mut lines = self.lines.iter();
        while !lines.as_slice().is_empty() {
            let rows = lines.by_ref().take(joining.rows_of_capture());
            joining.push(rows.map(|line| line.row.clone()).collect());
        }
        Ok(joining.finish(self.report.problems.clone(), self.report.signs.clone()))
    }
}
