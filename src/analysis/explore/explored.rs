//! The result of explore: points, fronts, choices, layers, steps and facts, for the page and the files.

use super::candidate::{Class, Engine};
use super::settings::LimitKind;
use crate::analysis::Preset;
use crate::metrics::TokenErrors;
use crate::tensor::Kv;
use serde::Serialize;

/// Ratio of the KL divergence of the next token to the attention error, as measured on two models of 135 and 270 million weights: medians
/// 7.2 and 7.6, between 5 and 11 for nine of ten schemes. On one of 0.26 million it is 0.7 (`docs/estimates.md`).
pub const KL_BY_ATTENTION_ERROR: f64 = 7.0;

/// The true KL is within this factor of the estimate for nine of ten schemes, on the two larger models.
pub const KL_FACTOR: f64 = 2.0;

/// Result of explore.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Explored {
    /// Which error is limited; never `auto`.
    pub limit_kind: LimitKind,
    /// Largest error, or smallest cosine, that is allowed.
    pub limit: f64,
    /// Number of layers with captured queries.
    pub layers_with_queries: usize,
    /// Number of layers, over all runs, that were measured.
    pub layers: usize,
    /// Number of runs that the layers belong to.
    pub runs: usize,
    /// Number of tokens in the longest layer.
    pub tokens: u64,
    /// Bytes of K and V as captured.
    pub raw_bytes: u64,
    /// Number of tokens that `context_bytes` are for.
    pub context_length: u64,
    /// Bytes of such a context in all layers of a run; the mean if there are several runs.
    pub context_bytes: u64,
    /// The estimated KL is the attention error times this.
    pub kl_by_attention_error: f64,
    /// The true KL is within this factor of the estimate for nine of ten schemes.
    pub kl_factor: f64,
    /// Every scheme on K and on V.
    pub points: Vec<Point>,
    /// Points that no other beats in both size and error, by class and tensor.
    pub front: Vec<FrontPoint>,
    /// The smallest pairs within the limit.
    pub choices: Vec<Chosen>,
    /// The choices on each layer.
    pub layer_rows: Vec<LayerRow>,
    /// What each step of the coded scheme gains.
    pub steps: Vec<StepGain>,
    /// Findings that deserve attention.
    pub facts: Vec<Fact>,
    /// What was left out, and why.
    pub notes: Vec<String>,
    /// Whether the choices were measured with many queries, and their bytes written and read back.
    pub is_final: bool,
}

/// A scheme on K or on V: sizes are sums over layers, errors are means over layers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// Name of the scheme.
    pub scheme: String,
    /// Purpose of the scheme.
    pub class: Class,
    /// The engine that has it, if one does.
    pub engine: Option<Engine>,
    /// The engine's flags that select it.
    pub flag: Option<String>,
    /// The analysis that applies the scheme to a whole dump, if one does.
    pub preset: Option<Preset>,
    /// Whether the size is that of the reference's codes packed, instead of compressed.
    pub packed: bool,
    /// Which tensor it is on.
    pub tensor: Kv,
    /// Number of tokens at the start that stay raw.
    pub sinks: u64,
    /// Number of tokens at the end that stay raw.
    pub recent: u64,
    /// Stored bytes, including side information.
    pub bytes: u64,
    /// Stored bits for each value.
    pub bits_per_value: f64,
    /// Raw bytes divided by stored bytes.
    pub ratio: f64,
    /// Errors of the tensor, as means over layers.
    #[serde(flatten)]
    pub errors: TokenErrors,
    /// Token error + 0.1 * first-token error.
    pub index: f64,
    /// Attention error with only this tensor replaced; absent without queries.
    pub attention_error: Option<f64>,
    /// KL of the next token, estimated from the attention error.
    pub estimated_kl: Option<f64>,
    /// Number of layers that were measured.
    pub layers: usize,
}

/// A point of a Pareto front.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct FrontPoint {
    /// Tensors in it: `k`, `v` or `kv`.
    pub tensor: &'static str,
    /// Class of the front.
    pub class: Class,
    /// Scheme of K; absent on V's front.
    pub k: Option<String>,
    /// Scheme of V; absent on K's front.
    pub v: Option<String>,
    /// Stored bytes of its tensors.
    pub bytes: u64,
    /// Stored bits for each value of its tensors.
    pub bits_per_value: f64,
    /// Raw bytes divided by stored bytes of its tensors.
    pub ratio: f64,
    /// The limited error.
    pub error: f64,
    /// KL of the next token, estimated from the attention error.
    pub estimated_kl: Option<f64>,
}

/// The smallest pair within the limit, for an engine or a class.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "ExploreChoice"))]
#[serde(rename_all = "camelCase")]
pub struct Chosen {
    /// Purpose of the schemes.
    pub class: Class,
    /// The engine, if the choice is for one.
    pub engine: Option<Engine>,
    /// Whether K and V are stored bit for bit.
    pub lossless: bool,
    /// Scheme of K.
    pub k: String,
    /// Scheme of V.
    pub v: String,
    /// The engine's flags that select the pair.
    pub flags: Option<String>,
    /// Number of tokens at the start that stay raw.
    pub sinks: u64,
    /// Number of tokens at the end that stay raw.
    pub recent: u64,
    /// Stored bytes of K and of V.
    pub bytes: [u64; 2],
    /// Raw bytes divided by stored bytes.
    pub ratio: f64,
    /// Bytes of a context of `context_length` tokens.
    pub context_bytes: u64,
    /// Errors of K and of V.
    pub errors: [TokenErrors; 2],
    /// Index of K and V together.
    pub index: f64,
    /// Attention error with both K and V replaced; absent without queries.
    pub attention_error: Option<f64>,
    /// KL of the next token, estimated from the attention error.
    pub estimated_kl: Option<f64>,
    /// Whether its errors stay within the limit.
    pub within_limit: bool,
    /// Whether its figures come from bytes that were written and read back.
    pub written: bool,
}

/// A choice on one layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LayerRow {
    /// Index of the choice.
    pub choice: usize,
    /// Name of the run.
    pub run: String,
    /// Layer number.
    pub layer_id: i64,
    /// Stored bytes of K and of V.
    pub bytes: [u64; 2],
    /// Raw bytes of K and V together.
    pub raw_bytes: u64,
    /// Errors of K and of V.
    pub errors: [TokenErrors; 2],
    /// Attention error with both K and V replaced; absent without queries.
    pub attention_error: Option<f64>,
    /// The query head whose outputs change most, and its error.
    pub worst_head: Option<(usize, f64)>,
}

/// What the coded scheme reaches with its steps up to this one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct StepGain {
    /// Name of the step.
    pub step: &'static str,
    /// Raw bytes divided by stored bytes, at `cosine`.
    pub ratio: f64,
    /// Cosine of K and of V.
    pub cosine: f64,
}

/// A finding that deserves attention, as a sentence and its numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Fact {
    /// Subject of the finding: `firstToken`, `keys`, `heads` or `layers`.
    pub kind: &'static str,
    /// The finding in one sentence.
    pub text: String,
    /// The numbers in the sentence, in order.
    pub numbers: Vec<f64>,
}
