//! A capture described by its `meta_*.json`: K and V are files in the same folder, exactly as large as the shape says.

use std::io::Read;
use std::sync::Arc;

use super::findings::Findings;
use super::meta::{self, Meta};
use super::spec::Format;
use crate::dump::archive::ListedFile;
use crate::dump::bytes::Limits;
use crate::dump::bytes::place::Place;
use crate::dump::bytes::small_text::{is_lfs_pointer, small_text};
use crate::dump::capture::Capture;
use crate::dump::problem::Fault;
use crate::tensor::{Dtype, Shape};

/// Captures described by meta files.
pub(super) const FORMAT: Format = Format {
    label: "capture",
    names: &["meta_*.json"],
    first_bytes: &[],
    read_head: read_meta,
    parse: |file, head, findings| {
        let capture = capture(file, head, findings)?;
        findings.captures.push(Arc::new(capture));
        Ok(())
    },
};

/// Reads a whole meta file.
pub(super) fn read_meta(
    reader: &mut dyn Read,
    size: u64,
    limits: &Limits,
) -> Result<Vec<u8>, Fault> {
    if size > limits.meta_bytes {
        return Err(Fault::field(
            "size",
            format!("{size} bytes"),
            format!("a meta file of at most {} bytes", limits.meta_bytes),
        ));
    }
    let mut bytes = Vec::new();
    reader.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The capture that the meta file `file` describes.
fn capture(file: &ListedFile, head: &[u8], findings: &mut Findings) -> Result<Capture, Fault> {
    let meta = meta::parse(head)?;
    let path = file.path.clone();
    let folder = path.rfind('/').map_or("", |slash| &path[..=slash]);
    let mut place = |field: &str, name: &str, shape: Shape| {
        let missing = || {
            Fault::field(
                field,
                format!("{name:?}, which does not exist"),
                "a file in the same folder",
            )
        };
        let path = format!("{folder}{name}");
        let span = findings.files.get(&path).ok_or_else(missing)?;
        findings.parts.insert(path);
        check_size(field, shape, meta.dtype, span.len()).map_err(|fault| {
            let pointer = small_text(span).is_some_and(|text| is_lfs_pointer(text.as_bytes()));
            if pointer {
                Fault::field(
                    field,
                    format!("{name:?}, a pointer of Git LFS"),
                    "the file that it stands for: git lfs pull",
                )
            } else {
                fault
            }
        })?;
        Ok::<_, Fault>(Place::plain(span.clone()))
    };
    let (k, v) = (
        place("k_file", &meta.k_file, meta.shape)?,
        place("v_file", &meta.v_file, meta.v_shape)?,
    );
    let run = run_name(&meta.run_id, folder);
    let inner = Some(path[file.archive_len..].to_owned());
    let Meta {
        layer_id,
        stage,
        seq_start,
        shape,
        v_shape,
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
        v_shape,
        dtype,
        k,
        v,
    })
}

/// Checks that the file is exactly as large as the shape says.
fn check_size(field: &str, shape: Shape, dtype: Dtype, found: u64) -> Result<(), Fault> {
    let product = format!(
        "{} tokens x {} heads x {} x {} bytes",
        shape.seq_len,
        shape.kv_heads,
        shape.head_dim,
        dtype.size()
    );
    match shape.bytes(dtype) {
        None => Err(Fault::field(
            "seq_len",
            product,
            "a tensor that this machine can address",
        )),
        Some(expected) if expected as u64 == found => Ok(()),
        Some(expected) => Err(Fault::field(
            field,
            format!("a file of {found} bytes"),
            format!("{expected} bytes ({product})"),
        )),
    }
}

/// Name of a run: `run_id`, or else the folder above the layer's folder.
pub(super) fn run_name(run_id: &str, folder: &str) -> String {
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
