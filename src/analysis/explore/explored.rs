//! What explore says: points, fronts, choices, layers, steps and facts, for the page and for the files.

use super::candidate::{Class, Engine};
use super::settings::LimitKind;
use crate::metrics::TokenErrors;
use crate::scheme::Kv;
use serde::Serialize;

/// KL of the next token by attention error, as measured on two models of 135 and 270 million weights: medians 7.2 and 7.6, nine of ten
/// schemes between 5 and 11. On one of 0.26 million it is 0.7: `docs/estimates.md`.
pub const KL_BY_ATTENTION_ERROR: f64 = 7.0;

/// The estimated KL lies within this factor for nine of ten schemes, on these two models.
pub const KL_FACTOR: f64 = 2.0;

/// What explore found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Explored {
    /// What is limited: never `auto`.
    pub limit_kind: LimitKind,
    /// Its value.
    pub limit: f64,
    /// Layers with queries.
    pub layers_with_queries: usize,
    /// Layers (of all runs) that count.
    pub layers: usize,
    /// Their runs.
    pub runs: usize,
    /// Tokens of the longest layer.
    pub tokens: u64,
    /// Bytes of K and V as they are.
    pub raw_bytes: u64,
    /// Tokens for which `context_bytes` are told.
    pub context_length: u64,
    /// Bytes of so many tokens in the layers of a run; of several runs the mean.
    pub context_bytes: u64,
    /// The estimated KL is this many times the attention error.
    pub kl_by_attention_error: f64,
    /// Within this factor, for nine of ten schemes.
    pub kl_factor: f64,
    /// Every scheme on K and on V.
    pub points: Vec<Point>,
    /// The points that no other beats in size and error, by class and tensor.
    pub front: Vec<FrontPoint>,
    /// The smallest within the limit.
    pub choices: Vec<Chosen>,
    /// The chosen ones by layer.
    pub layer_rows: Vec<LayerRow>,
    /// What each step of the coded scheme brings.
    pub steps: Vec<StepGain>,
    /// What to watch.
    pub facts: Vec<Fact>,
    /// What was left out, and why.
    pub notes: Vec<String>,
    /// Whether chosen ones were looked at with all queries, and their bytes written and read back.
    pub is_final: bool,
}

/// A scheme on K or on V: sizes over all layers, errors as means over layers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// The scheme's name.
    pub scheme: String,
    /// What it is for.
    pub class: Class,
    /// The engine that has it.
    pub engine: Option<Engine>,
    /// What to type to have it.
    pub flag: Option<String>,
    /// Whether the size is that of the reference's codes packed, not compressed.
    pub packed: bool,
    /// K or V.
    pub tensor: Kv,
    /// First tokens that stay raw.
    pub sinks: u64,
    /// Last tokens that stay raw.
    pub recent: u64,
    /// Stored bytes, side information included.
    pub bytes: u64,
    /// Bits of them for a value.
    pub bits_per_value: f64,
    /// Raw bytes by stored ones.
    pub ratio: f64,
    /// Errors.
    #[serde(flatten)]
    pub errors: TokenErrors,
    /// Token error + 0.1 * first-token error.
    pub index: f64,
    /// With this tensor alone changed; absent without queries.
    pub attention_error: Option<f64>,
    /// From the attention error.
    pub estimated_kl: Option<f64>,
    /// Layers that it stands for; fewer than all where it does not fit some.
    pub layers: usize,
}

/// A point of a front.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct FrontPoint {
    /// `k`, `v` or `kv`.
    pub tensor: &'static str,
    /// Whose front.
    pub class: Class,
    /// The scheme of K, where K is in it.
    pub k: Option<String>,
    /// The scheme of V, where V is in it.
    pub v: Option<String>,
    /// Of the tensors in it.
    pub bytes: u64,
    /// Of the tensors in it.
    pub bits_per_value: f64,
    /// Of the tensors in it.
    pub ratio: f64,
    /// What is limited.
    pub error: f64,
    /// From the attention error.
    pub estimated_kl: Option<f64>,
}

/// The smallest pair within the limit: of an engine, or of a class.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "ExploreChoice"))]
#[serde(rename_all = "camelCase")]
pub struct Chosen {
    /// What it is for.
    pub class: Class,
    /// The engine, where it is one's.
    pub engine: Option<Engine>,
    /// Whether nothing is lost.
    pub lossless: bool,
    /// The scheme of K.
    pub k: String,
    /// The scheme of V.
    pub v: String,
    /// What to type.
    pub flags: Option<String>,
    /// First tokens that stay raw.
    pub sinks: u64,
    /// Last tokens that stay raw.
    pub recent: u64,
    /// Stored bytes of K and of V.
    pub bytes: [u64; 2],
    /// Raw bytes by stored ones.
    pub ratio: f64,
    /// Bytes of the context length.
    pub context_bytes: u64,
    /// Errors of K and of V.
    pub errors: [TokenErrors; 2],
    /// Of K and V together.
    pub index: f64,
    /// With both changed; absent without queries.
    pub attention_error: Option<f64>,
    /// From the attention error.
    pub estimated_kl: Option<f64>,
    /// Whether it stays within the limit.
    pub within_limit: bool,
    /// Whether bytes were written and read back to tell this.
    pub written: bool,
}

/// A chosen pair on one layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LayerRow {
    /// Place of the choice.
    pub choice: usize,
    /// The run.
    pub run: String,
    /// The layer.
    pub layer_id: i64,
    /// Stored bytes of K and of V.
    pub bytes: [u64; 2],
    /// Raw bytes of K and V.
    pub raw_bytes: u64,
    /// Errors of K and of V.
    pub errors: [TokenErrors; 2],
    /// With both changed.
    pub attention_error: Option<f64>,
    /// The query head whose outputs move most, and by how much.
    pub worst_head: Option<(usize, f64)>,
}

/// What the coded scheme reaches with its steps up to this one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct StepGain {
    /// The step.
    pub step: &'static str,
    /// Raw bytes by stored ones, at the cosine that is told.
    pub ratio: f64,
    /// The cosine of K and of V.
    pub cosine: f64,
}

/// Something to watch, with its numbers in the sentence and apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Fact {
    /// What it is about: `firstToken`, `keys`, `heads`, `layers`.
    pub kind: &'static str,
    /// The sentence.
    pub text: String,
    /// The numbers of the sentence, in its order.
    pub numbers: Vec<f64>,
}
