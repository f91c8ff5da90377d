//! A scanned dump.

use crate::apart::apart;
use crate::errors::{Raised, json, system, value};
use crate::source::PySource;
use kvlens::analysis::caveats::{Mends, look};
use kvlens::dump::{self, Axes, Bits16, Dump, FolderSource, Mapping, NamePattern};
use kvlens::dump::{ScanOptions, Source};
use kvlens::pack;
use pyo3::prelude::*;
use std::collections::HashSet;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

/// The captures of a dump; their bytes are read on demand.
#[pyclass(name = "Dump", module = "kvlens._kvlens", frozen)]
pub struct PyDump {
    pub dump: Arc<Dump>,
    /// What was raised while Python read a part of it.
    pub raised: Raised,
}

/// How tensors without meta files are read: name pattern, axes, KV heads in the last axis, type of 16-bit integers.
type Reading = (Option<String>, Option<String>, Option<i64>, Option<String>);

fn options((tensor_names, axes, kv_heads, bits16): Reading) -> PyResult<ScanOptions> {
    let named = |name: &'static str| {
        move |error: &dyn ToString| value(format!("{name}: {}", error.to_string()))
    };
    let names = tensor_names.as_deref().map(NamePattern::parse).transpose();
    let axes = axes.as_deref().map(Axes::parse).transpose();
    let heads = kv_heads.map(|heads| {
        let number = u32::try_from(heads).ok().and_then(NonZeroU32::new);
        number.ok_or_else(|| value(format!("kv_heads: {heads} is not a number of at least 1")))
    });
    let bits16 = bits16.as_deref().map(str::parse::<Bits16>).transpose();
    Ok(ScanOptions {
        mapping: Mapping {
            tensor_names: names.map_err(|error| named("tensor_names")(&error))?,
            axes: axes.map_err(|error| named("axes")(&error))?,
            kv_heads: heads.transpose()?,
            bits16: bits16.map_err(|error| named("bits16")(&error))?,
        },
        part_decoder: pack::decoder(),
        ..ScanOptions::default()
    })
}

#[pymethods]
impl PyDump {
    /// Scans folders and files on disk.
    #[staticmethod]
    fn open(py: Python<'_>, paths: Vec<PathBuf>, reading: Reading) -> PyResult<Self> {
        let options = options(reading)?;
        py.detach(|| {
            let source = match paths.as_slice() {
                [only] => FolderSource::open(only).map_err(|error| (only.clone(), error)),
                several => FolderSource::open_all(several),
            };
            let source =
                source.map_err(|(path, error)| system(format!("{}: {error}", path.display())))?;
            let source: Arc<dyn Source> = Arc::new(source);
            Ok(Self {
                dump: Arc::new(dump::scan(&source, &options)),
                raised: Raised::default(),
            })
        })
    }

    /// Scans files whose bytes come from `read(file, offset, length)`.
    #[staticmethod]
    fn of(
        py: Python<'_>,
        files: Vec<(String, u64)>,
        read: Py<PyAny>,
        reading: Reading,
    ) -> PyResult<Self> {
        let options = options(reading)?;
        let raised = Raised::default();
        let source: Arc<dyn Source> = Arc::new(PySource::new(files, read, raised.clone()));
        let dump = Arc::new(py.detach(|| dump::scan(&source, &options)));
        raised.check()?;
        Ok(Self { dump, raised })
    }

    fn __len__(&self) -> usize {
        self.dump.captures.len()
    }

    /// Summary of the dump, as JSON.
    fn summary(&self) -> PyResult<String> {
        json(&self.dump.summary())
    }

    /// Reads all values; returns the caveats on them and the problems of reading, as JSON.
    fn look(&self, py: Python<'_>) -> PyResult<(String, String)> {
        let dump = Arc::clone(&self.dump);
        let (caveats, unread) = apart(py, None, move |go_on| {
            look(&dump, &mut |share| go_on("reading the values", share))
        })?;
        self.raised.check()?;
        Ok((json(&caveats.list(&Mends::default()))?, json(&unread)?))
    }

    /// Path, bytes and files of each capture.
    fn captures(&self) -> Vec<(String, u64, Vec<String>)> {
        let files = |files: Vec<&str>| files.into_iter().map(str::to_owned).collect();
        let told = |capture: &Arc<dump::Capture>| {
            (
                capture.path.clone(),
                capture.bytes(),
                files(capture.files()),
            )
        };
        self.dump.captures.iter().map(told).collect()
    }

    /// The same dump with only the captures of these paths.
    fn select(&self, paths: HashSet<String>) -> Self {
        let mut dump = (*self.dump).clone();
        dump.captures
            .retain(|capture| paths.contains(&capture.path));
        Self {
            dump: Arc::new(dump),
            raised: self.raised.clone(),
        }
    }

    /// A digest of the dump's captures.
    fn digest(&self) -> String {
        kvlens::rows::digest(&self.dump)
    }
}
