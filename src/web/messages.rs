//! What the page says and is told, where the core has no type for it.

use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;

use crate::analysis::{
    Group, Judged, OtherTypes, Progress, Report, ReportFile, Row, SettingsError, TensorRow, Value,
    Variant,
};
use crate::inspect::{LessonRequest, MatterRequest, TensorPicture};

/// What an analysis would go through.
#[derive(Default, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PlanSummary {
    /// Captures.
    pub captures: usize,
    /// Bytes of K and V in them.
    pub bytes: u64,
    /// In how many ways each capture is measured.
    pub combinations: usize,
    /// What is wrong with the settings; empty when it can start.
    pub errors: Vec<SettingFault>,
}

/// What is wrong with a setting.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SettingFault {
    /// The setting.
    pub flag: String,
    /// What is wrong, for people.
    pub message: String,
}

impl From<&SettingsError> for SettingFault {
    fn from(error: &SettingsError) -> Self {
        Self {
            flag: error.flag().to_owned(),
            message: match error {
                SettingsError::Unknown(_) => "There is no such setting.".to_owned(),
                SettingsError::Invalid { value, allowed, .. } => {
                    format!("“{value}” is not {allowed}.")
                }
            },
        }
    }
}

/// What happened since the last question.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct News {
    /// How far it is.
    pub progress: Progress,
    /// Rows that got ready, in dump order.
    #[serde(serialize_with = "flat_rows")]
    pub rows: Vec<Row>,
    /// Whether all are.
    pub done: bool,
}

/// A [`Row`] with its capture's fields beside its own. Names of a struct's fields become JavaScript texts once; with serde's `flatten` each
/// would for every row, which made a sweep over many small captures slower by an eighth.
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

/// What is only known at the end.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The report without its rows, which were all in the news.
    pub report: Report,
    /// How many different threads measured at least one capture.
    pub workers: usize,
}

/// A sweep's figures and settings, its thresholds changed.
#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct JudgeRequest {
    /// All settings, by their flags.
    pub settings: BTreeMap<String, Value>,
    /// The report's groups.
    pub groups: Vec<Group>,
    /// The report's captures.
    pub captures: usize,
    /// The report's other types; none in a report that an earlier version kept.
    #[serde(default)]
    pub other_types: OtherTypes,
}

/// A sweep under other thresholds.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The groups, each with whether it stays within the thresholds.
    pub groups: Vec<Group>,
    /// The group that stands for the whole.
    pub headline: Option<usize>,
    /// Names and texts of the files that tell of it.
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

/// A question about the dump for a picture.
#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "what", rename_all = "camelCase")]
pub enum InspectRequest {
    /// The longest capture of each layer of each run.
    Captures,
    /// The run of each capture.
    Runs,
    /// K and V of a capture.
    Tensors {
        /// Its place in the dump.
        capture: usize,
    },
    /// What of a capture's errors matters to the model.
    Matter {
        /// Its place in the dump.
        capture: usize,
        /// The setting.
        #[serde(flatten)]
        setting: MatterRequest,
    },
    /// One vector of a capture.
    Lesson {
        /// Its place in the dump.
        capture: usize,
        /// K or V.
        tensor: TensorName,
        /// Which vector, and what is done to it.
        #[serde(flatten)]
        vector: LessonRequest,
    },
}

/// One of a capture's tensors.
#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum TensorName {
    /// The keys.
    K,
    /// The values.
    V,
}

/// A capture that can be looked at.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct CaptureLine<'a> {
    /// Its place in the dump.
    pub capture: usize,
    /// Its run.
    pub run: &'a str,
    /// The layer's number.
    pub layer_id: i64,
    /// `prefill`, `decode`, or what its file says.
    pub stage: &'a str,
    /// Tokens.
    pub seq_len: usize,
    /// Key/value heads.
    pub kv_heads: usize,
    /// Elements of one head's vector.
    pub head_dim: usize,
    /// `fp16`, `bf16` or `fp32`.
    pub dtype: &'static str,
}

/// Both tensors of a capture.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Pictures {
    /// The keys.
    pub k: TensorPicture,
    /// The values.
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
            rounded: None,
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

/// What is written as a `.kvz`: how K and V are stored, which tokens stay as they are, and whether captured queries are kept.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackRequest {
    /// `lossless`, or the name of a scheme.
    pub k: String,
    /// The same for V.
    pub v: String,
    /// First positions of a run that schemes leave alone.
    pub sinks: u64,
    /// Last tokens of a layer that schemes leave alone.
    pub recent: u64,
    /// Whether captured queries are kept.
    pub queries: bool,
}
