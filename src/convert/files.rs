//! The files of the capture layout.

use std::collections::VecDeque;

use serde::Serialize;

use super::error::ConvertError;
use super::piece::Piece;
use super::pieces::Pieces;
use super::plan::Plan;
use super::query_target::QueryTarget;
use crate::dump::Dump;

/// A file of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFile {
    /// Relative path, with `/` between folders.
    pub path: String,
    /// Content of the file.
    pub bytes: Vec<u8>,
}

/// Iterator over the files of the capture layout: three for each capture, then two for the queries of each layer.
pub struct Files {
    pieces: Pieces,
    queries: std::vec::IntoIter<QueryTarget>,
    next: VecDeque<OutputFile>,
}

impl Files {
    /// Creates the files for what `plan` selects from `dump`.
    pub fn new(mut plan: Plan, dump: &Dump) -> Self {
        Self {
            queries: std::mem::take(&mut plan.queries).into_iter(),
            pieces: plan.pieces(dump),
            next: VecDeque::new(),
        }
    }
}

impl Iterator for Files {
    type Item = Result<OutputFile, ConvertError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next.is_empty() {
            let files = match self.pieces.next() {
                Some(piece) => piece.map(|piece| Vec::from(files(piece))),
                None => query_files(&self.queries.next()?),
            };
            match files {
                Ok(files) => self.next.extend(files),
                Err(error) => return Some(Err(error)),
            }
        }
        self.next.pop_front().map(Ok)
    }
}

/// Contents of a meta file, with the keys in the customary order.
#[derive(Serialize)]
struct Meta<'a> {
    layer_id: i64,
    seq_start: u64,
    seq_len: usize,
    seq_end_exclusive: u64,
    kv_heads: usize,
    head_dim: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    v_kv_heads: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    v_head_dim: Option<usize>,
    bytes_per_elem: usize,
    dtype: &'static str,
    stage: &'a str,
    run_id: &'a str,
    k_file: String,
    v_file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_bytes_per_elem: Option<usize>,
}

fn files(piece: Piece) -> [OutputFile; 3] {
    let target = &piece.target;
    let ([shape, v_shape], seq_start) = (target.shapes(), target.seq_start());
    let (k_file, v_file) = (
        format!("k_{}.bin", target.stem),
        format!("v_{}.bin", target.stem),
    );
    let meta = Meta {
        layer_id: target.capture.layer_id,
        seq_start,
        seq_len: shape.seq_len,
        seq_end_exclusive: seq_start.saturating_add(shape.seq_len as u64),
        kv_heads: shape.kv_heads,
        head_dim: shape.head_dim,
        v_kv_heads: (v_shape.kv_heads != shape.kv_heads).then_some(v_shape.kv_heads),
        v_head_dim: (v_shape.head_dim != shape.head_dim).then_some(v_shape.head_dim),
        bytes_per_elem: target.dtype.size(),
        dtype: target.dtype.name(),
        stage: &target.capture.stage,
        run_id: &target.capture.run,
        k_file: k_file.clone(),
        v_file: v_file.clone(),
        source_bytes_per_elem: (target.dtype != target.capture.dtype)
            .then(|| target.capture.dtype.size()),
    };
    let json = serde_json::to_vec_pretty(&meta).unwrap_or_default();
    let folder = &target.folder;
    [
        OutputFile {
            path: target.meta_path(),
            bytes: json,
        },
        OutputFile {
            path: format!("{folder}{k_file}"),
            bytes: piece.k,
        },
        OutputFile {
            path: format!("{folder}{v_file}"),
            bytes: piece.v,
        },
    ]
}

/// Contents of a `queries_*.json`.
#[derive(Serialize)]
struct QueryMeta<'a> {
    layer_id: i64,
    run_id: &'a str,
    positions: Vec<u64>,
    q_heads: usize,
    head_dim: usize,
    bytes_per_elem: usize,
    dtype: &'static str,
    q_file: String,
    scale: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rope_theta: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sliding_window: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logit_softcap: Option<f64>,
}

fn query_files(target: &QueryTarget) -> Result<Vec<OutputFile>, ConvertError> {
    let (queries, q_file) = (&target.queries, format!("q_{}.bin", target.stem));
    let meta = QueryMeta {
        layer_id: queries.layer_id,
        run_id: &queries.run,
        positions: target.positions(),
        q_heads: queries.heads,
        head_dim: queries.head_dim,
        bytes_per_elem: target.dtype.size(),
        dtype: target.dtype.name(),
        q_file: q_file.clone(),
        scale: queries.attention.scale,
        rope_theta: queries.attention.rope_theta,
        sliding_window: queries.attention.sliding_window,
        logit_softcap: queries.attention.logit_softcap,
    };
    let meta = OutputFile {
        path: target.meta_path(),
        bytes: serde_json::to_vec(&meta).unwrap_or_default(),
    };
    let q = OutputFile {
        path: format!("{}{q_file}", target.folder),
        bytes: target.load()?,
    };
    Ok(vec![meta, q])
}
