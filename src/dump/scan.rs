//! From a source to the captures in it.

use std::collections::HashMap;
use std::sync::Arc;

use super::capture::{Capture, Dump};
use super::load::Place;
use super::meta::{self, Meta};
use super::natural::natural_cmp;
use super::problem::{Fault, Problem};
use super::source::Source;

/// How large things may get before they are refused: what a file claims never decides alone how much memory is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest meta file, in bytes.
    pub meta_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            meta_bytes: 1 << 20,
        }
    }
}

/// How to scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanOptions {
    /// Limits against hostile files.
    pub limits: Limits,
}

/// Finds the captures of a source. It never fails as a whole: whatever can't be used is a problem.
pub fn scan(source: &Arc<dyn Source>, options: &ScanOptions) -> Dump {
    let mut dump = Dump::default();
    let mut by_path = HashMap::new();
    for (file, entry) in source.files().iter().enumerate() {
        by_path.entry(entry.path.as_str()).or_insert(file);
    }
    for (path, reason) in source.skipped() {
        dump.problems
            .push(Problem::new(path, Fault::Unreadable(reason.clone())));
    }
    for (file, entry) in source.files().iter().enumerate() {
        let name = entry.path.rsplit('/').next().unwrap_or_default();
        if !name.ends_with(".json") {
            continue;
        }
        if name.starts_with("packed_meta_") {
            dump.problems
                .push(Problem::new(&entry.path, Fault::PackedLayout));
        } else if name.starts_with("meta_") {
            match capture(source, &by_path, file, &options.limits) {
                Ok(capture) => dump.captures.push(Arc::new(capture)),
                Err(problem) => dump.problems.push(problem),
            }
        }
    }
    dump.captures.sort_by(|a, b| natural_cmp(&a.path, &b.path));
    dump.problems.sort_by(|a, b| natural_cmp(&a.file, &b.file));
    dump
}

/// The capture that the meta file number `file` describes.
fn capture(
    source: &Arc<dyn Source>,
    by_path: &HashMap<&str, usize>,
    file: usize,
    limits: &Limits,
) -> Result<Capture, Problem> {
    let entry = &source.files()[file];
    if entry.size > limits.meta_bytes {
        let expected = format!("a meta file of at most {} bytes", limits.meta_bytes);
        return Err(Problem::field(
            &entry.path,
            "size",
            format!("{} bytes", entry.size),
            expected,
        ));
    }
    let unreadable =
        |error: super::SourceError| Problem::new(&entry.path, Fault::Unreadable(error.to_string()));
    let bytes = source
        .read_at(file, 0, entry.size as usize)
        .map_err(unreadable)?;
    let meta = meta::parse(&entry.path, &bytes)?;
    let folder = entry
        .path
        .rfind('/')
        .map_or("", |slash| &entry.path[..=slash]);
    let place = |field: &str, name: &str| {
        let path = format!("{folder}{name}");
        let missing = || {
            Problem::field(
                &entry.path,
                field,
                format!("{name:?}, which is not there"),
                "a file in the same folder",
            )
        };
        let &file = by_path.get(path.as_str()).ok_or_else(missing)?;
        check_size(&entry.path, field, &meta, source.files()[file].size)?;
        Ok(Place {
            source: Arc::clone(source),
            file,
            offset: 0,
            len: source.files()[file].size,
        })
    };
    let (k, v) = (
        place("k_file", &meta.k_file)?,
        place("v_file", &meta.v_file)?,
    );
    let run = run_name(&meta.run_id, folder);
    let Meta {
        layer_id,
        stage,
        seq_start,
        shape,
        dtype,
        ..
    } = meta;
    Ok(Capture {
        path: entry.path.clone(),
        run,
        layer_id,
        stage,
        seq_start,
        shape,
        dtype,
        k,
        v,
    })
}

/// The file must be exactly as large as the shape says.
fn check_size(path: &str, field: &str, meta: &Meta, found: u64) -> Result<(), Problem> {
    let shape = meta.shape;
    let product = format!(
        "{} tokens x {} heads x {} x {} bytes",
        shape.seq_len,
        shape.kv_heads,
        shape.head_dim,
        meta.dtype.size()
    );
    match shape.bytes(meta.dtype) {
        None => Err(Problem::field(
            path,
            "seq_len",
            product,
            "a tensor that this machine can address",
        )),
        Some(expected) if expected as u64 == found => Ok(()),
        Some(expected) => Err(Problem::field(
            path,
            field,
            format!("a file of {found} bytes"),
            format!("{expected} bytes ({product})"),
        )),
    }
}

/// A run is named by `run_id`, else by the folder above the layer's folder.
fn run_name(run_id: &str, folder: &str) -> String {
    if !run_id.is_empty() {
        return run_id.to_owned();
    }
    let folder = folder.trim_end_matches('/');
    let (above, last) = folder.rsplit_once('/').unwrap_or(("", folder));
    if last.starts_with("layer_") {
        above.to_owned()
    } else {
        folder.to_owned()
    }
}
