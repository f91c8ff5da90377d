//! Writes a dump in another format.

use crate::dump::PyDump;
use crate::errors::{system, value};
use kvlens::convert::{ConvertError, ConvertOptions, Plan, write};
use pyo3::prelude::*;
use std::cell::RefCell;
use std::path::PathBuf;

/// Writes the dump to the new folder or file `to`, with options as JSON; returns the numbers of captures, of bytes, and of values
/// that are infinite in the file since their new type has no room for them.
#[pyfunction]
pub fn convert(
    py: Python<'_>,
    dump: &PyDump,
    to: PathBuf,
    options: &str,
) -> PyResult<(usize, u64, u64)> {
    let options: ConvertOptions = serde_json::from_str(options).map_err(value)?;
    let failed = |error: ConvertError| match error {
        ConvertError::Nothing => value(error),
        error => system(error),
    };
    let plan = Plan::new(&dump.0, &options).map_err(failed)?;
    let (captures, bytes, overflows) = (plan.captures(), plan.bytes(), plan.overflows());
    let dump = &dump.0;
    py.detach(|| {
        let raised = RefCell::new(None);
        let mut go_on = |_| match Python::attach(|py| py.check_signals()) {
            Ok(()) => true,
            Err(error) => {
                raised.borrow_mut().get_or_insert(error);
                false
            }
        };
        let written = write(plan, dump, options.format, &to, &mut go_on);
        match raised.take() {
            Some(error) => Err(error),
            None => written
                .map_err(failed)
                .map(|_| (captures, bytes, overflows.count())),
        }
    })
}
