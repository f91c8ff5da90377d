//! What the Python package `kvlens` is built on: the crate's front doors, with texts, numbers and bytes at the border. How users call
//! it, and what arrays and caches are, is written in Python, beside this folder.

mod convert;
mod dump;
mod errors;
mod merger;
mod pack;
mod report;
mod rows;
mod run;
mod source;

use pyo3::prelude::*;

/// The native part of kvlens.
#[pymodule]
mod _kvlens {
    #[pymodule_export]
    use super::convert::convert;
    #[pymodule_export]
    use super::dump::PyDump;
    #[pymodule_export]
    use super::merger::PyMerger;
    #[pymodule_export]
    use super::pack::{PyPacked, pack};
    #[pymodule_export]
    use super::report::PyReport;
    #[pymodule_export]
    use super::rows::PyRows;
    #[pymodule_export]
    use super::run::{plan, run};
    use super::*;

    /// The analyses with their settings, as JSON.
    #[pyfunction]
    fn specs() -> PyResult<String> {
        super::errors::json(&kvlens::analysis::specs())
    }

    /// The crate's version.
    #[pyfunction]
    fn version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}
