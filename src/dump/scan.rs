//! From a source to the captures in it.

use std::collections::HashMap;
use std::sync::Arc;

use super::capture::{Capture, Dump};
use super::items::{self, Item, Kind};
use super::limits::Limits;
use super::load::Place;
use super::mapping::Mapping;
use super::meta::{self, Meta};
use super::problem::{Fault, Problem, Problems};
use super::source::Source;
use super::stream::Span;
use super::tables::{self, group_npy};
use super::tensors::parse_head;
use super::{convert_layout, npy, safetensors};

/// How to scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanOptions {
    /// How to read tensors whose names or axes can't be told.
    pub mapping: Mapping,
    /// Limits against hostile files.
    pub limits: Limits,
}

/// Finds the captures of a source, in its archives too. It never fails as a whole: whatever can't be used is a problem.
pub fn scan(source: &Arc<dyn Source>, options: &ScanOptions) -> Dump {
    let limits = &options.limits;
    let mut dump = Dump {
        pending_bytes: limits.pending_bytes,
        ..Dump::default()
    };
    let mut problems = Problems::default();
    for (path, reason) in source.skipped() {
        problems.push(Problem::new(path, Fault::Unreadable(reason.clone())));
    }
    let mut items = items::list(source, limits, &mut problems);
    if let ([only], Kind::Other) = (
        items.as_slice(),
        items.first().map_or(Kind::Meta, Item::kind),
    ) {
        let expected = "a folder, .zip, .tar, .tar.gz, .tar.zst, .npz, .npy or .safetensors";
        problems.push(Problem::field(
            &only.path,
            "name",
            "no known ending",
            expected,
        ));
    }
    let by_path: HashMap<String, Span> = items
        .iter()
        .map(|item| (item.path.clone(), item.span.clone()))
        .collect();
    let mut arrays = Vec::new();
    let mut tables = Vec::new();
    for item in &mut items {
        let problem = match item.kind() {
            Kind::Meta => {
                capture(item, &by_path, limits).map(|capture| dump.captures.push(Arc::new(capture)))
            }
            Kind::PackedMeta => Err(Problem::new(&item.path, Fault::PackedLayout)),
            Kind::Npy => parse_head(item, limits, npy::array)
                .map(|array| arrays.push((item.path.clone(), array))),
            Kind::Safetensors => parse_head(item, limits, |item, head| {
                safetensors::table(item, head, &mut problems)
            })
            .map(|table| tables.push(table)),
            Kind::Zip | Kind::Tar(_) | Kind::Other => Ok(()),
        };
        problems.extend(problem.err());
    }
    tables.extend(group_npy(arrays));
    tables.retain(|table| match &table.captures {
        Some(json) => {
            dump.captures
                .extend(convert_layout::captures(table, json, &mut problems));
            false
        }
        None => true,
    });
    let understood = tables::understand(tables, &options.mapping);
    dump.captures.extend(understood.captures);
    problems.extend(understood.problems.into_list());
    dump.guesses = understood.guesses;
    dump.problems = problems.into_list();
    dump.sort();
    dump
}

/// The capture that the meta file `item` describes.
fn capture(
    item: &mut Item,
    by_path: &HashMap<String, Span>,
    limits: &Limits,
) -> Result<Capture, Problem> {
    let meta = parse_head(item, limits, |item, head| Ok(meta::parse(&item.path, head)))??;
    let path = item.path.clone();
    let folder = path.rfind('/').map_or("", |slash| &path[..=slash]);
    let place = |field: &str, name: &str| {
        let missing = || {
            Problem::field(
                &path,
                field,
                format!("{name:?}, which is not there"),
                "a file in the same folder",
            )
        };
        let span = by_path
            .get(&format!("{folder}{name}"))
            .ok_or_else(missing)?;
        check_size(&path, field, &meta, span.len())?;
        Ok(Place {
            span: span.clone(),
            layout: None,
        })
    };
    let (k, v) = (
        place("k_file", &meta.k_file)?,
        place("v_file", &meta.v_file)?,
    );
    let run = run_name(&meta.run_id, folder);
    let inner = Some(path[item.archive_len..].to_owned());
    let Meta {
        layer_id,
        stage,
        seq_start,
        shape,
        dtype,
        ..
    } = meta;
    Ok(Capture {
        path,
        inner,
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
