//! Messages between the page and the core that the core itself has no type for.

use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;

use crate::analysis::{
    Group, Judged, OtherTypes, Progress, Report, ReportFile, Row, SettingsError, TensorRow, Value,
    Variant,
};
use crate::inspect::TensorPicture;

/// What an analysis would measure.
#[derive(Default, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PlanSummary {
    /// Number of captures.
    pub captures: usize,
    /// Bytes of K and V in the captures.
    pub bytes: u64,
    /// Number of ways in which each capture is measured.
    pub combinations: usize,
    /// Invalid settings; empty when the analysis can start.
    pub errors: Vec<SettingFault>,
}

/// An invalid setting.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SettingFault {
    /// Flag of the setting.
    pub flag: String,
    /// What is wrong with it: a sentence for people.
    pub message: String,
}

impl From<&SettingsError> for SettingFault {
    fn from(error: &SettingsError) -> Self {
        Self {
            flag: error.flag().to_owned(),
            message: match error {
                SettingsError::Unknown(_) => "There is no such setting.".to_owned(),
                SettingsError::Invalid { value, allowed, .. } if value.trim().is_empty() => {
                    format!("This needs {allowed}.")
                }
                SettingsError::Invalid { value, allowed, .. } => {
                    format!("“{value}” is not {allowed}.")
                }
            },
        }
    }
}

/// Progress and rows since the previous call.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct News {
    /// Progress so far.
    pub progress: Progress,
    /// Rows that were measured since, in dump order.
    #[serde(serialize_with = "flat_rows")]
    pub rows: Vec<Row>,
    /// Whether everything has been measured.
    pub done: bool,
}

/// A [`Row`] with its capture's fields beside its own. Field names of a struct are converted to JavaScript strings once; serde's `flatten`
/// would convert each again for every row, which slowed down a sweep over many small captures by an eighth.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FlatRow<'a> {
    capture: usize,
    layer_id: i64,
    stage: &'a str,
    seq_len: u64,
    kv_heads: u64,
    head_dim: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    v_kv_heads: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    v_head_dim: Option<u64>,
    bytes_per_elem: u32,
    dtype: &'static str,
    lossless: bool,
    variant: &'a Variant,
    k: &'a TensorRow,
    v: &'a TensorRow,
}

impl<'a> FlatRow<'a> {
    fn new(row: &'a Row) -> Self {
        let capture = &row.capture;
        Self {
            capture: capture.index,
            layer_id: capture.layer_id,
            stage: &capture.stage,
            seq_len: capture.seq_len,
            kv_heads: capture.kv_heads,
            head_dim: capture.head_dim,
            v_kv_heads: capture.v_kv_heads,
            v_head_dim: capture.v_head_dim,
            bytes_per_elem: capture.bytes_per_elem,
            dtype: capture.dtype,
            lossless: row.lossless,
            variant: &row.variant,
            k: &row.k,
            v: &row.v,
        }
    }
}

fn flat_rows<S: Serializer>(rows: &[Row], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(rows.iter().map(FlatRow::new))
}

/// The end of an analysis.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The report without its rows, which the news had already.
    pub report: Report,
    /// Number of different threads that measured at least one capture.
    pub workers: usize,
}

/// A request to judge a sweep's figures by changed thresholds.
#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct JudgeRequest {
    /// All settings, by flag.
    pub settings: BTreeMap<String, Value>,
    /// Groups of the report.
    pub groups: Vec<Group>,
    /// Number of captures in the report.
    pub captures: usize,
    /// Types that `bytes_per_elem` does not identify, from the report; absent in reports kept by earlier versions.
    #[serde(default)]
    pub other_types: OtherTypes,
}

/// A sweep judged by changed thresholds.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The groups, each marked by whether it stays within the thresholds.
    pub groups: Vec<Group>,
    /// Index of the group that stands for the whole sweep.
    pub headline: Option<usize>,
    /// Names and contents of the files that list the combinations.
    pub files: Vec<(String, String)>,
}

impl From<Judged> for Verdict {
    fn from(judged: Judged) -> Self {
        let text = |file: ReportFile| {
            let text = String::from_utf8_lossy(&file.bytes).into_owned();
            (file.name, text)
        };
        Self {
            groups: judged.groups,
            headline: judged.headline,
            files: judged.files.into_iter().map(text).collect(),
        }
    }
}

/// A capture that can be inspected.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct CaptureLine<'a> {
    /// Index of the capture in the dump.
    pub capture: usize,
    /// Name of its run.
    pub run: &'a str,
    /// Layer number.
    pub layer_id: i64,
    /// `prefill`, `decode`, or any other text of its meta file.
    pub stage: &'a str,
    /// Number of tokens.
    pub seq_len: usize,
    /// Number of KV heads of K.
    pub kv_heads: usize,
    /// Values in a head's vector of K.
    pub head_dim: usize,
    /// Number of KV heads of V.
    pub v_kv_heads: usize,
    /// Values in a head's vector of V.
    pub v_head_dim: usize,
    /// Element type: `fp16`, `bf16`, `fp32`, `fp8_e4m3` or `fp8_e5m2`.
    pub dtype: &'static str,
}

/// Pictures of both tensors of a capture.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Pictures {
    /// Keys.
    pub k: TensorPicture,
    /// Values.
    pub v: TensorPicture,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::analysis::CaptureInfo;
    use crate::codec::Planes;

    #[test]
    fn rows_in_the_news_have_all_fields_of_a_row() {
        let capture = CaptureInfo {
            index: 3,
            layer_id: -1,
            stage: "decode".to_owned(),
            seq_len: 5,
            kv_heads: 2,
            head_dim: 8,
            v_kv_heads: None,
            v_head_dim: None,
            bytes_per_elem: 2,
            dtype: "bf16",
        };
        let tensor = TensorRow {
            raw_bytes: 160,
            planes: Planes::Split { hi: 40, lo: 60 },
            extra_bytes: 0,
            size: 100,
            ratio: 1.6,
            errors: None,
            packed: None,
            rounded_mae: None,
            non_finite: 1,
            verified: Some(true),
        };
        let row = Row {
            capture: Arc::new(capture),
            lossless: true,
            variant: Arc::new(Variant {
                label: "lossless".to_owned(),
                bits: 0,
                block_size: None,
                topk_ratio: None,
            }),
            k: tensor.clone(),
            v: tensor,
        };
        let flat = serde_json::to_value(FlatRow::new(&row)).unwrap();
        assert_eq!(flat, serde_json::to_value(&row).unwrap());
    }
}

/// A request to write a `.kvz`: how K and V are stored, which tokens are exempt, and whether captured queries are kept.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackRequest {
    /// How K is stored: `lossless`, or the name of a scheme.
    pub k: String,
    /// How V is stored: `lossless`, or the name of a scheme.
    pub v: String,
    /// Number of positions, from the start of a run, that schemes leave as they are.
    pub sinks: u64,
    /// Number of tokens, at the end of a layer, that schemes leave as they are.
    pub recent: u64,
    /// Whether captured queries are kept.
    pub queries: bool,
}
