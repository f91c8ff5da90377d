//! Queries described by a `queries_*.json` beside the captures of their layer; `q_file` is exactly as large as the
//! description says.

use std::sync::Arc;

use super::captures::{read_meta, run_name};
use super::fields::{self, Fields};
use super::findings::Findings;
use super::spec::Format;
use crate::dump::archive::ListedFile;
use crate::dump::bytes::place::Place;
use crate::dump::problem::Fault;
use crate::dump::queries::{AttentionInfo, Queries};

/// Queries described by a file of their own.
pub(super) const FORMAT: Format = Format {
    label: "queries",
    names: &["queries_*.json"],
    first_bytes: &[],
    read_head: read_meta,
    parse: |file, head, findings| {
        let queries = queries(file, head, findings)?;
        findings.queries.push(Arc::new(queries));
        Ok(())
    },
};

fn queries(file: &ListedFile, head: &[u8], findings: &mut Findings) -> Result<Queries, Fault> {
    let object = fields::object(head)?;
    let fields = Fields(&object);
    let (path, q_file) = (file.path.clone(), fields.file_name("q_file")?);
    let folder = path.rfind('/').map_or("", |slash| &path[..=slash]);
    let q_path = format!("{folder}{q_file}");
    let span = findings.files.get(&q_path).ok_or_else(|| {
        let found = format!("{q_file:?}, which does not exist");
        Fault::field("q_file", found, "a file in the same folder")
    })?;
    findings.parts.insert(q_path);
    let at_least_1 = |field: &str| match fields.size(field)? {
        0 => Err(Fault::field(field, 0, "an integer of at least 1")),
        size => Ok(size),
    };
    let queries = Queries {
        run: run_name(&fields.run_id()?, folder),
        layer_id: fields.integer("layer_id", -1)?,
        positions: fields.positions("positions")?,
        heads: at_least_1("q_heads")?,
        head_dim: at_least_1("head_dim")?,
        dtype: fields.dtype()?,
        attention: attention(&fields)?,
        inner: Some(path[file.archive_len..].to_owned()),
        q: Place::plain(span.clone()),
        path,
    };
    let shape = queries.shape();
    let product = format!(
        "{} queries x {} heads x {} x {} bytes",
        shape.seq_len,
        shape.kv_heads,
        shape.head_dim,
        queries.dtype.size()
    );
    match shape.bytes(queries.dtype) {
        None => Err(Fault::field(
            "q_heads",
            product,
            "queries that this machine can address",
        )),
        Some(expected) if expected as u64 == span.len() => Ok(queries),
        Some(expected) => {
            let found = format!("a file of {} bytes", span.len());
            Err(Fault::field(
                "q_file",
                found,
                format!("{expected} bytes ({product})"),
            ))
        }
    }
}

/// Attention parameters in the fields.
pub(super) fn attention(fields: &Fields) -> Result<AttentionInfo, Fault> {
    let scale = fields.positive("scale")?;
    let window = match fields.0.get("sliding_window") {
        None | Some(serde_json::Value::Null) => None,
        Some(_) => match fields.unsigned("sliding_window")? {
            0 => {
                return Err(Fault::field(
                    "sliding_window",
                    0,
                    "an integer of at least 1",
                ));
            }
            window => Some(window),
        },
    };
    Ok(AttentionInfo {
        scale: scale
            .ok_or_else(|| Fault::field("scale", "no such field", "a number greater than 0"))?,
        rope_theta: fields.positive("rope_theta")?,
        sliding_window: window,
        logit_softcap: fields.positive("logit_softcap")?,
    })
}
