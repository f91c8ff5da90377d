//! Packs a dump without blocking Python.

use crate::apart::apart;
use crate::dump::PyDump;
use crate::errors::{system, value};
use kvlens::analysis::explore::KL_BY_ATTENTION_ERROR;
use kvlens::pack::{Limit, Method, PackError, PackOptions, Packed, Step, write};
use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

/// Names of the schemes: for both tensors, for K, for V.
type Schemes = (Option<String>, Option<String>, Option<String>);

/// Limits: smallest cosine, largest index, largest attention error.
type Limits = (Option<f64>, Option<f64>, Option<f64>);

/// Makes a limit from its number.
type MakeLimit = fn(f64) -> Limit;

/// Number of sinks, number of recent tokens, and whether queries are kept.
type Kept = (i64, i64, bool);

/// A `.kvz` that was written and read back.
#[pyclass(name = "Packed", module = "kvlens._kvlens", frozen, get_all)]
pub struct PyPacked {
    k_scheme: String,
    v_scheme: String,
    captures: usize,
    bytes_raw: u64,
    bytes_k: u64,
    bytes_v: u64,
    bytes_queries: u64,
    bytes_index: u64,
    ratio: f64,
    cosine_k: f64,
    cosine_v: f64,
    attention_error: Option<f64>,
    estimated_kl: Option<f64>,
    notes: Vec<String>,
}

impl From<Packed> for PyPacked {
    fn from(packed: Packed) -> Self {
        let attention_error = packed.errors.attention;
        Self {
            ratio: packed.ratio(),
            k_scheme: packed.options.k.to_string(),
            v_scheme: packed.options.v.to_string(),
            captures: packed.captures,
            bytes_raw: packed.raw_bytes,
            bytes_k: packed.k_bytes,
            bytes_v: packed.v_bytes,
            bytes_queries: packed.query_bytes,
            bytes_index: packed.head_bytes,
            cosine_k: packed.errors.k.cosine,
            cosine_v: packed.errors.v.cosine,
            attention_error,
            estimated_kl: attention_error.map(|error| error * KL_BY_ATTENTION_ERROR),
            notes: packed.notes,
        }
    }
}

/// Writes the file `to`, and replaces an existing one.
#[pyfunction]
pub fn pack(
    py: Python<'_>,
    dump: &PyDump,
    to: PathBuf,
    schemes: Schemes,
    limits: Limits,
    kept: Kept,
    progress: Option<Py<PyAny>>,
) -> PyResult<PyPacked> {
    let (options, limit) = options(schemes, limits, kept)?;
    let source = Arc::clone(&dump.dump);
    let packed = apart(py, progress.as_ref(), move |go_on| {
        write(&source, &to, &options, limit, &mut |step: Step, share| {
            go_on(step.name(), share)
        })
    })?;
    dump.raised.check()?;
    packed.map(PyPacked::from).map_err(failed)
}

/// The options and the limit, or everything that is wrong with them.
fn options(
    (scheme, k_scheme, v_scheme): Schemes,
    (min_cosine, max_index, max_attention_error): Limits,
    (sinks, recent, queries): Kept,
) -> PyResult<(PackOptions, Option<Limit>)> {
    let mut wrong = Vec::new();
    let mut method = |name: &str, text: &Option<String>| {
        let parsed = text.as_ref().map(|text| text.parse::<Method>());
        parsed
            .transpose()
            .unwrap_or_else(|error| {
                wrong.push(format!("{name}: {error}"));
                None
            })
            .unwrap_or(Method::Lossless)
    };
    let both = method("scheme", &scheme);
    let (k, v) = (method("k_scheme", &k_scheme), method("v_scheme", &v_scheme));
    let mut options = PackOptions::new(
        k_scheme.as_ref().map_or(both.clone(), |_| k),
        v_scheme.as_ref().map_or(both, |_| v),
    );
    let mut limits: Vec<(&str, Limit)> = Vec::new();
    let asked: [(&str, Option<f64>, MakeLimit); 3] = [
        ("min_cosine", min_cosine, Limit::MinCosine),
        ("max_index", max_index, Limit::MaxIndex),
        (
            "max_attention_error",
            max_attention_error,
            Limit::MaxAttentionError,
        ),
    ];
    for (name, number, limit) in asked {
        let Some(number) = number else { continue };
        let limit = limit(number);
        if !limit.is_allowed() {
            wrong.push(format!("{name}: {number} is not {}", limit.allowed()));
        }
        limits.push((name, limit));
    }
    let has_scheme = scheme.is_some() || k_scheme.is_some() || v_scheme.is_some();
    match limits.as_slice() {
        [(first, _), (second, _), ..] => {
            wrong.push(format!("{first} can't be used with {second}"));
        }
        [(only, _)] if has_scheme => wrong.push(format!("{only} can't be used with a scheme")),
        [] if !has_scheme => wrong.push(
            "give scheme, k_scheme or v_scheme, or one of min_cosine, max_index and max_attention_error"
                .to_owned(),
        ),
        _ => {}
    }
    for (name, tokens, place) in [
        ("sinks", sinks, &mut options.sinks),
        ("recent", recent, &mut options.recent),
    ] {
        match u64::try_from(tokens) {
            Ok(tokens) => *place = tokens,
            Err(_) => wrong.push(format!("{name}: {tokens} is not a number of at least 0")),
        }
    }
    options.queries = queries;
    if wrong.is_empty() {
        Ok((options, limits.first().map(|(_, limit)| *limit)))
    } else {
        Err(value(wrong.join("\n")))
    }
}

fn failed(error: PackError) -> PyErr {
    match error {
        PackError::Nothing
        | PackError::NoQueries
        | PackError::Unfit { .. }
        | PackError::NotFinite { .. } => value(error),
        PackError::Capture(_) | PackError::Write { .. } => system(error),
        PackError::Cancelled => PyKeyboardInterrupt::new_err(()),
        PackError::Head(_) | PackError::Differs { .. } | PackError::Promised { .. } => {
            PyRuntimeError::new_err(error.to_string())
        }
    }
}
