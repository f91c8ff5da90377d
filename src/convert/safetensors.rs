//! A `.safetensors` file, as pieces to be written one after the other: header, then K and V of each capture. The
//! metadata holds what the format itself has no place for (order, stage, positions), so that reading the file yields
//! the same dump.

use std::collections::BTreeMap;

use serde::Serialize;

use super::error::ConvertError;
use super::pieces::Pieces;
use super::plan::Plan;
use super::query_target::QueryTarget;
use crate::dump::{Dump, STORED_CAPTURES, STORED_QUERIES, StoredCapture, StoredQueries};
use crate::tensor::{Dtype, Kv};

/// Iterator over the pieces of a safetensors file.
pub struct Safetensors {
    header: Option<Vec<u8>>,
    pieces: Option<Pieces>,
    queries: std::vec::IntoIter<QueryTarget>,
}

/// An entry of the header.
#[derive(Serialize)]
#[serde(untagged)]
enum Entry {
    Tensor(Info),
    Metadata(BTreeMap<&'static str, String>),
}

#[derive(Serialize)]
struct Info {
    dtype: &'static str,
    shape: [usize; 3],
    data_offsets: [u64; 2],
}

impl Safetensors {
    /// Creates a file of what `plan` selects from `dump`.
    pub fn new(mut plan: Plan, dump: &Dump) -> Self {
        let header = header(&plan);
        Self {
            header: Some(header),
            queries: std::mem::take(&mut plan.queries).into_iter(),
            pieces: Some(plan.pieces(dump)),
        }
    }
}

fn header(plan: &Plan) -> Vec<u8> {
    let mut entries = BTreeMap::new();
    let mut stored = Vec::new();
    let mut offset = 0;
    for target in &plan.targets {
        let names = Kv::BOTH.map(|kv| format!("{}{}.{}", target.folder, target.stem, kv.name()));
        let halves = target.shapes().into_iter().zip(target.tensor_bytes());
        for (name, (shape, bytes)) in names.iter().zip(halves) {
            let end = offset + bytes;
            let shape = [shape.seq_len, shape.kv_heads, shape.head_dim];
            let info = Info {
                dtype: name_of(target.dtype),
                shape,
                data_offsets: [offset, end],
            };
            entries.insert(name.clone(), Entry::Tensor(info));
            offset = end;
        }
        let [k, v] = names;
        stored.push(StoredCapture {
            path: target.meta_path(),
            run: target.capture.run.clone(),
            layer_id: target.capture.layer_id,
            stage: target.capture.stage.clone(),
            seq_start: target.seq_start(),
            k,
            v,
        });
    }
    let mut queries = Vec::new();
    for target in &plan.queries {
        let (of, end) = (&target.queries, offset + target.bytes());
        let name = format!("{}{}.q", target.folder, target.stem);
        let info = Info {
            dtype: name_of(target.dtype),
            shape: [target.kept.len(), of.heads, of.head_dim],
            data_offsets: [offset, end],
        };
        entries.insert(name.clone(), Entry::Tensor(info));
        offset = end;
        queries.push(StoredQueries {
            path: target.meta_path(),
            run: of.run.clone(),
            layer_id: of.layer_id,
            positions: target.positions(),
            attention: of.attention,
            q: name,
        });
    }
    let mut metadata = BTreeMap::from([(
        STORED_CAPTURES,
        serde_json::to_string(&stored).unwrap_or_default(),
    )]);
    if !queries.is_empty() {
        metadata.insert(
            STORED_QUERIES,
            serde_json::to_string(&queries).unwrap_or_default(),
        );
    }
    entries.insert("__metadata__".to_owned(), Entry::Metadata(metadata));
    let mut json = serde_json::to_vec(&entries).unwrap_or_default();
    // Padded so that the data starts at a multiple of 8, as in files of the format's own writer.
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut header = (json.len() as u64).to_le_bytes().to_vec();
    header.extend(json);
    header
}

/// The format's name of an element type.
fn name_of(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::F16 => "F16",
        Dtype::Bf16 => "BF16",
        Dtype::F32 => "F32",
        Dtype::E4m3 => "F8_E4M3",
        Dtype::E5m2 => "F8_E5M2",
    }
}

impl Iterator for Safetensors {
    type Item = Result<Vec<u8>, ConvertError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(header) = self.header.take() {
            return Some(Ok(header));
        }
        let Some(piece) = self.pieces.as_mut()?.next() else {
            return self.queries.next().map(|target| target.load());
        };
        if piece.is_err() {
            self.pieces = None;
        }
        Some(piece.map(|mut piece| {
            piece.k.append(&mut piece.v);
            piece.k
        }))
    }
}
