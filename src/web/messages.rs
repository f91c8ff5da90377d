//! What the page says and is told, where the core has no type for it.

use serde::{Deserialize, Serialize};

use crate::analysis::Progress;
use crate::analysis::inspect::{LessonRequest, TensorPicture};
use crate::analysis::{Report, Row, SettingsError};

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
    pub rows: Vec<Row>,
    /// Whether all are.
    pub done: bool,
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

/// A question about the dump for a picture.
#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "what", rename_all = "camelCase")]
pub enum InspectRequest {
    /// The longest capture of each layer of each run.
    Captures,
    /// K and V of a capture.
    Tensors {
        /// Its place in the dump.
        capture: usize,
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
