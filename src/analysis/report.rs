//! What an analysis says: a row for a capture and variant, groups of rows with their weighted figures, and the report.
//! All of it serialises to JSON (camelCase) for the page; the CSV and Markdown files are made from the same values.

use super::caveats::{Caveat, Caveats};
use super::explore::explored::Explored;
use super::settings::Settings;
use crate::codec::Planes;
use crate::dump::Problem;
use crate::metrics::Errors;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What rows say about their capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct CaptureInfo {
    /// Its place in the dump.
    #[serde(rename = "capture")]
    pub index: usize,
    /// The layer's number; -1 where the meta file has none.
    pub layer_id: i64,
    /// `prefill`, `decode`, or what the meta file says.
    pub stage: String,
    /// Tokens.
    pub seq_len: u64,
    /// Key/value heads.
    pub kv_heads: u64,
    /// Elements of one head's vector.
    pub head_dim: u64,
    /// V's heads, where those are not K's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v_kv_heads: Option<u64>,
    /// Elements of one head's vector of V, where those are not K's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v_head_dim: Option<u64>,
    /// 1, 2 or 4.
    pub bytes_per_elem: u32,
    /// `fp16`, `bf16`, `fp32`, `fp8_e4m3` or `fp8_e5m2`.
    pub dtype: &'static str,
}

impl CaptureInfo {
    /// Elements of K and of V.
    pub fn elements(&self) -> [u64; 2] {
        let product = |heads: u64, dim: u64| self.seq_len.saturating_mul(heads).saturating_mul(dim);
        [
            product(self.kv_heads, self.head_dim),
            product(
                self.v_kv_heads.unwrap_or(self.kv_heads),
                self.v_head_dim.unwrap_or(self.head_dim),
            ),
        ]
    }

    /// Bytes of K and V together.
    pub fn bytes(&self) -> u64 {
        let [k, v] = self.elements();
        k.saturating_add(v)
            .saturating_mul(u64::from(self.bytes_per_elem))
    }
}

/// One tensor's figures in a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct TensorRow {
    /// Bytes before.
    pub raw_bytes: u64,
    /// Compressed bytes, by stream.
    pub planes: Planes,
    /// Bytes beside the streams: block scales and the top-k index.
    pub extra_bytes: u64,
    /// Bytes after, all together.
    pub size: u64,
    /// `raw_bytes / size`, 0 where `size` is 0.
    pub ratio: f64,
    /// Absent for lossless rows.
    pub errors: Option<Errors>,
    /// Bytes of the same codes packed, with what is stored beside them; absent where there are no codes.
    #[serde(skip)]
    pub packed: Option<u64>,
    /// Errors of mantissas rounded to nearest, where they were cut off.
    #[serde(skip)]
    pub rounded: Option<Errors>,
    /// NaN and infinite values in the captured tensor.
    pub non_finite: u64,
    /// Whether the frames were decoded again and gave the same bits; absent when that wasn't asked for.
    pub verified: Option<bool>,
}

impl CaptureInfo {
    /// The first fields of every CSV line: layer_id, stage, seq_len, kv_heads, head_dim, bytes_per_elem.
    /// Where K and V differ: `192/128`.
    pub(super) fn fields(&self) -> Vec<String> {
        let pair = |k: u64, v: Option<u64>| v.map_or(k.to_string(), |v| format!("{k}/{v}"));
        vec![
            self.layer_id.to_string(),
            self.stage.clone(),
            self.seq_len.to_string(),
            pair(self.kv_heads, self.v_kv_heads),
            pair(self.head_dim, self.v_head_dim),
            self.bytes_per_elem.to_string(),
        ]
    }
}

/// What was done to the values of a row: the analysis's method and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Variant {
    /// `lossless`, `truncate`, `quant`, `block_norm`, `clip_percentile`, `bs64_topk0.02_b8`, ...
    pub label: String,
    /// Quantizer or mantissa bits; 0 where there are none.
    pub bits: i64,
    /// Block size of block-norm.
    pub block_size: Option<u64>,
    /// Top-k ratio of block-norm.
    pub topk_ratio: Option<f64>,
}

impl Variant {
    /// A variant that is not of block-norm.
    pub(super) fn new(label: &str, bits: i64) -> Self {
        Self {
            label: label.to_owned(),
            bits,
            block_size: None,
            topk_ratio: None,
        }
    }
}

/// One capture under one variant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The capture.
    #[serde(flatten)]
    pub capture: Arc<CaptureInfo>,
    /// Whether the values came through unchanged.
    pub lossless: bool,
    /// What was done.
    pub variant: Arc<Variant>,
    /// K's figures.
    pub k: TensorRow,
    /// V's figures.
    pub v: TensorRow,
}

/// Figures over many rows: ratios are total raw by total size, errors are weighted by elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Weighted {
    /// Rows that count.
    pub rows: usize,
    /// Raw bytes of K.
    pub k_raw: u64,
    /// Raw bytes of V.
    pub v_raw: u64,
    /// Compressed bytes of K.
    pub k_size: u64,
    /// Compressed bytes of V.
    pub v_size: u64,
    /// Ratio of K.
    pub k_ratio: f64,
    /// Ratio of V.
    pub v_ratio: f64,
    /// Ratio of both together.
    pub kv_ratio: f64,
    /// Weighted errors of K over the rows that have errors.
    pub k_errors: Option<Errors>,
    /// Weighted errors of V over the rows that have errors.
    pub v_errors: Option<Errors>,
    /// K's bytes with lossy values as packed codes; absent where some have none, and where nothing is lossy.
    pub k_packed: Option<u64>,
    /// V's bytes with lossy values as packed codes.
    pub v_packed: Option<u64>,
    /// K's errors, were mantissas rounded to nearest in place of cut off; absent where they are not cut.
    pub k_rounded: Option<Errors>,
    /// V's errors, were mantissas rounded to nearest.
    pub v_rounded: Option<Errors>,
}

/// The rows of one variant together (in the mixed analysis all rows).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// What was done.
    pub variant: Variant,
    /// Over all rows of the group.
    pub all: Weighted,
    /// Over its lossless rows.
    pub lossless: Weighted,
    /// Over its lossy rows.
    pub lossy: Weighted,
    /// Sweep only: whether the errors stay within the thresholds.
    pub passes: Option<bool>,
}

/// A file that the analysis writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    /// Its name; with a folder (`bs64_topk0.02_b8/blocknorm_metrics.csv`) where the sweep keeps its combos.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl ReportFile {
    /// A file.
    pub(super) fn new(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self {
            name: name.into(),
            bytes,
        }
    }
}

/// A captured tensor that holds NaN or infinite values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct NonFinite {
    /// The capture's place in the dump.
    pub capture: usize,
    /// `K` or `V`.
    pub tensor: &'static str,
    /// How many.
    pub values: u64,
}

/// Captures of each type that `bytes_per_elem` alone does not tell, by its name.
pub type OtherTypes = BTreeMap<String, usize>;

/// What an analysis found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The analysis's name, as the command line has it.
    pub analysis: &'static str,
    /// Every setting, defaults too.
    #[cfg_attr(test, ts(type = "Record<string, Value>"))]
    pub settings: Settings,
    /// Captures that were measured.
    pub captures: usize,
    /// Of these captures those whose type `bytes_per_elem` alone does not tell.
    pub other_types: OtherTypes,
    /// Rows in dump order; the sweep keeps none.
    pub rows: Vec<Row>,
    /// One for each variant, in the order of the reports.
    pub groups: Vec<Group>,
    /// The group that stands for the whole: the sweep's best one that passes, else that of the least error.
    pub headline: Option<usize>,
    /// Lossless tensors that were decoded again and equal the captured bits.
    pub verified_lossless: usize,
    /// Streams of lossy values that were decoded again and equal what was compressed.
    pub verified_lossy: usize,
    /// NaN and infinite values in the captured tensors.
    pub non_finite: u64,
    /// The tensors that hold such values, in dump order.
    pub non_finite_in: Vec<NonFinite>,
    /// What explore found; absent for the other analyses.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub explored: Option<Explored>,
    /// Captures that could not be read when their turn came, and so are left out.
    pub problems: Vec<Problem>,
    /// What makes the figures say something else than a reader thinks, and what mends it.
    pub caveats: Vec<Caveat>,
    /// What those are made of, for reports on parts of a dump that are to be joined.
    #[serde(skip)]
    pub signs: Caveats,
    /// The report files.
    #[serde(skip)]
    pub files: Vec<ReportFile>,
    /// Files that the analysis writes only where it has something for them, and has not this time: one from an earlier run would contradict
    /// the others.
    #[serde(skip)]
    pub superseded: Vec<&'static str>,
}
