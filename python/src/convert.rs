//! Writes a dump in another format.

use crate::apart::apart;
use crate::dump::PyDump;
use crate::errors::{system, value};
use kvlens::convert::{ConvertError, ConvertOptions, Format, Plan, write};
use pyo3::prelude::*;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// Texts of the options: format, stage, layers, tokens, type.
type Texts = (
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// Writes the dump to the new folder or file `to`; returns the numbers of captures, of bytes, and of values that are infinite in the file
/// since their new type has no room for them.
#[pyfunction]
pub fn convert(
    py: Python<'_>,
    dump: &PyDump,
    to: PathBuf,
    options: Texts,
) -> PyResult<(usize, u64, u64)> {
    let options = parsed(options)?;
    let failed = |error: ConvertError| match error {
        ConvertError::Nothing => value(error),
        error => system(error),
    };
    let plan = Plan::new(&dump.dump, &options).map_err(failed)?;
    let (captures, bytes, overflows) = (plan.captures(), plan.bytes(), plan.overflows());
    let source = Arc::clone(&dump.dump);
    let written = apart(py, None, move |go_on| {
        write(plan, &source, options.format, &to, &mut |share| {
            go_on("converting", share)
        })
    })?;
    dump.raised.check()?;
    written.map_err(failed)?;
    Ok((captures, bytes, overflows.count()))
}

/// The options, or everything that is wrong with them.
fn parsed((format, stage, layers, tokens, dtype): Texts) -> PyResult<ConvertOptions> {
    let mut wrong = Vec::new();
    let format: Option<Format> = option("format", Some(format), &mut wrong);
    let stages = ConvertOptions::STAGES;
    if let Some(other) = stage.as_deref().filter(|stage| !stages.contains(stage)) {
        wrong.push(format!(
            "stage: {other:?} is not one of {}",
            stages.join(", ")
        ));
    }
    let options = ConvertOptions {
        format: format.unwrap_or_default(),
        stage,
        layers: option("layers", layers, &mut wrong),
        tokens: option("tokens", tokens, &mut wrong),
        dtype: option("dtype", dtype, &mut wrong),
    };
    if wrong.is_empty() {
        Ok(options)
    } else {
        Err(value(wrong.join("\n")))
    }
}

fn option<T: FromStr<Err: Display>>(
    name: &str,
    text: Option<String>,
    wrong: &mut Vec<String>,
) -> Option<T> {
    text?
        .parse()
        .map_err(|error| wrong.push(format!("{name}: {error}")))
        .ok()
}
