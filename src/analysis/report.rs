//! Results of an analysis: a row for each capture and variant, groups of rows with their weighted figures, and the report. Everything
//! serialises to JSON (camelCase) for the page; the CSV and Markdown files are made from the same values.

use super::caveats::{Caveat, Caveats};
use super::explore::explored::Explored;
use super::settings::Settings;
use crate::codec::Planes;
use crate::dump::Problem;
use crate::metrics::Errors;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A capture as rows describe it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct CaptureInfo {
    /// Index of the capture in the dump.
    #[serde(rename = "capture")]
    pub index: usize,
    /// Layer number; -1 where the meta file has none.
    pub layer_id: i64,
    /// `prefill`, `decode`, or any other text of the meta file.
    pub stage: String,
    /// Number of tokens.
    pub seq_len: u64,
    /// Number of KV heads.
    pub kv_heads: u64,
    /// Values in a head's vector.
    pub head_dim: u64,
    /// Number of V's heads, where it differs from K's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v_kv_heads: Option<u64>,
    /// Values in a head's vector of V, where it differs from K's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v_head_dim: Option<u64>,
    /// Bytes of an element: 1, 2 or 4.
    pub bytes_per_elem: u32,
    /// Element type: `fp16`, `bf16`, `fp32`, `fp8_e4m3` or `fp8_e5m2`.
    pub dtype: &'static str,
}

impl CaptureInfo {
    /// Number of elements of K and of V.
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
    /// Captured bytes.
    pub raw_bytes: u64,
    /// Compressed bytes of each stream.
    pub planes: Planes,
    /// Bytes stored beside the streams: block scales and the top-k index.
    pub extra_bytes: u64,
    /// Stored bytes: streams and everything beside them.
    pub size: u64,
    /// `raw_bytes / size`, 0 where `size` is 0.
    pub ratio: f64,
    /// Errors of the stored values; absent for lossless rows.
    pub errors: Option<Errors>,
    /// Bytes of the same values as packed codes, with their side information; absent where there are no codes.
    #[serde(skip)]
    pub packed: Option<u64>,
    /// Mean absolute error if mantissas were rounded to nearest instead of cut; absent where none are cut, and where the job does not ask
    /// for it ([`Job::rounding`](super::Job::rounding)).
    #[serde(skip)]
    pub rounded_mae: Option<f64>,
    /// Number of NaN and infinite values in the captured tensor.
    pub non_finite: u64,
    /// Whether the frames were decoded again to the same bits; absent when that was not requested.
    pub verified: Option<bool>,
}

impl CaptureInfo {
    /// The first fields of every CSV line: layer_id, stage, seq_len, kv_heads, head_dim, bytes_per_elem. Where K and V differ, a field has
    /// both: `192/128`.
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

/// The method that was applied to the values of a row, with its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Variant {
    /// `lossless`, `truncate`, `quant`, `block_norm`, `clip_percentile`, `bs64_topk0.02_b8`, ...
    pub label: String,
    /// Quantizer or mantissa bits; 0 where the method has none.
    pub bits: i64,
    /// Block size; block-norm only.
    pub block_size: Option<u64>,
    /// Ratio of top-k blocks; block-norm only.
    pub topk_ratio: Option<f64>,
}

impl Variant {
    /// A variant of a method other than block-norm.
    pub(super) fn new(label: &str, bits: i64) -> Self {
        Self {
            label: label.to_owned(),
            bits,
            block_size: None,
            topk_ratio: None,
        }
    }
}

/// Figures of one capture under one variant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The capture that was measured.
    #[serde(flatten)]
    pub capture: Arc<CaptureInfo>,
    /// Whether the values are stored unchanged.
    pub lossless: bool,
    /// What was applied to the values.
    pub variant: Arc<Variant>,
    /// K's figures.
    pub k: TensorRow,
    /// V's figures.
    pub v: TensorRow,
}

/// Figures over many rows: ratios are of total bytes, errors are weighted by elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Weighted {
    /// Number of rows.
    pub rows: usize,
    /// Raw bytes of K.
    pub k_raw: u64,
    /// Raw bytes of V.
    pub v_raw: u64,
    /// Compressed bytes of K.
    pub k_size: u64,
    /// Compressed bytes of V.
    pub v_size: u64,
    /// `k_raw / k_size`.
    pub k_ratio: f64,
    /// `v_raw / v_size`.
    pub v_ratio: f64,
    /// Ratio of K and V together.
    pub kv_ratio: f64,
    /// Weighted errors of K over the rows that have errors.
    pub k_errors: Option<Errors>,
    /// Weighted errors of V over the rows that have errors.
    pub v_errors: Option<Errors>,
    /// Bytes of K with lossy values as packed codes; absent where nothing is lossy, or some lossy values have no codes.
    pub k_packed: Option<u64>,
    /// Bytes of V with lossy values as packed codes; absent like `k_packed`.
    pub v_packed: Option<u64>,
    /// Mean absolute error of K if mantissas were rounded to nearest instead of cut; absent where none are cut.
    pub k_rounded_mae: Option<f64>,
    /// Mean absolute error of V if mantissas were rounded to nearest instead of cut; absent like `k_rounded_mae`.
    pub v_rounded_mae: Option<f64>,
}

/// The rows of one variant taken together (in the mixed analysis, all rows).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// What was applied to the values.
    pub variant: Variant,
    /// Figures over all rows of the group.
    pub all: Weighted,
    /// Figures over the lossless rows.
    pub lossless: Weighted,
    /// Figures over the lossy rows.
    pub lossy: Weighted,
    /// Whether the errors stay within the thresholds; sweep only.
    pub passes: Option<bool>,
}

/// A file of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    /// File name; within a folder (`bs64_topk0.02_b8/blocknorm_metrics.csv`) where a sweep writes each combination's reports.
    pub name: String,
    /// Contents of the file.
    pub bytes: Vec<u8>,
}

impl ReportFile {
    /// A file with these contents.
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
    /// Index of the capture in the dump.
    pub capture: usize,
    /// `K` or `V`.
    pub tensor: &'static str,
    /// Number of NaN and infinite values.
    pub values: u64,
}

/// Number of captures of each element type that `bytes_per_elem` does not identify, by the type's name.
pub type OtherTypes = BTreeMap<String, usize>;

/// The result of an analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Name of the analysis, as on the command line.
    pub analysis: &'static str,
    /// All settings, including those left at their defaults.
    #[cfg_attr(test, ts(type = "Record<string, Value>"))]
    pub settings: Settings,
    /// Number of captures that were measured.
    pub captures: usize,
    /// Number of measured captures of each type that `bytes_per_elem` does not identify.
    pub other_types: OtherTypes,
    /// Rows in dump order; empty for a sweep.
    pub rows: Vec<Row>,
    /// One group for each variant, in the order of the reports.
    pub groups: Vec<Group>,
    /// Index of the group that stands for the whole: in a sweep the best one that passes, else the one with the smallest error.
    pub headline: Option<usize>,
    /// Number of lossless tensors that were decoded again and equal the captured bits.
    pub verified_lossless: usize,
    /// Number of streams of lossy values that were decoded again and equal what was compressed.
    pub verified_lossy: usize,
    /// Number of NaN and infinite values in the captured tensors.
    pub non_finite: u64,
    /// The tensors that hold NaN or infinite values, in dump order.
    pub non_finite_in: Vec<NonFinite>,
    /// Result of explore; absent for other analyses.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub explored: Option<Explored>,
    /// Captures that were left out because they could not be read during the analysis.
    pub problems: Vec<Problem>,
    /// Reasons why the figures may mislead, each with the setting that corrects for it.
    pub caveats: Vec<Caveat>,
    /// What the caveats are made from, so that reports on parts of a dump can be joined.
    #[serde(skip)]
    pub signs: Caveats,
    /// The report files.
    #[serde(skip)]
    pub files: Vec<ReportFile>,
    /// Names of files that the analysis writes only when they have content, and did not write this time: a file of that name from an
    /// earlier run would contradict the others.
    #[serde(skip)]
    pub superseded: Vec<&'static str>,
}
