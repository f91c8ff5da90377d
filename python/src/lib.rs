//! The native module beneath the Python package `kvlens`: the crate's main functions, with strings, numbers and bytes as arguments. The API
//! that users call, and the handling of arrays and caches, is written in Python, in the folder beside this one.

mod apart;
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
    use super::run::{check_parts, plan, run};
    use super::*;

    /// Specs of the analyses with their settings, as JSON.
    #[pyfunction]
    fn specs() -> PyResult<String> {
        super::errors::json(&kvlens::analysis::specs())
    }

    /// Version of the crate.
    #[pyfunction]
    fn version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}
