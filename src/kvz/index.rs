//! What the index of a `.kvz` says, as JSON.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The index. Parts are numbered in the order of this: K and V of every layer, then the queries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredIndex {
    /// What wrote the file.
    pub writer: String,
    /// Schemes that parts are stored by.
    pub schemes: Vec<StoredScheme>,
    /// Consecutive tokens of a run's layer each.
    pub layers: Vec<StoredLayer>,
    /// Queries of layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<StoredQueries>,
}

/// A scheme and the tokens that it leaves alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredScheme {
    /// Its name, as typed.
    pub name: String,
    /// Positions from 0 on that are stored raw.
    #[serde(default)]
    pub sinks: u64,
    /// Last tokens that are stored raw.
    #[serde(default)]
    pub recent: u64,
}

impl StoredScheme {
    /// Bit for bit.
    pub fn lossless() -> Self {
        Self {
            name: LOSSLESS.to_owned(),
            sinks: 0,
            recent: 0,
        }
    }
}

/// The name of what is stored bit for bit: queries, and K and V where asked for.
pub const LOSSLESS: &str = "lossless";

/// Consecutive tokens of a run's layer: two parts, K and V.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLayer {
    /// The run.
    pub run: String,
    /// The model's own number of the layer.
    pub layer_id: i64,
    /// Position of the first token.
    pub position: u64,
    /// Heads of K, and of V.
    pub kv_heads: usize,
    /// Values of a head.
    pub head_dim: usize,
    /// Heads of V where they are others than K's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v_kv_heads: Option<usize>,
    /// Values of a head of V where they are others than K's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v_head_dim: Option<usize>,
    /// `fp16`, `bf16` or `fp32`.
    pub dtype: String,
    /// Number of the scheme of K.
    pub k_scheme: usize,
    /// Number of the scheme of V.
    pub v_scheme: usize,
    /// The captures that it was joined from, in order.
    pub captures: Vec<StoredCapture>,
}

/// A capture of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCapture {
    /// Path of its meta file, as it was or would be.
    pub path: String,
    /// `prefill`, `decode`, or whatever else its file said.
    pub stage: String,
    /// Its tokens.
    pub tokens: usize,
}

/// Queries of a layer: one part, `[positions, heads, head_dim]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredQueries {
    /// Path of the file that described them, as it was or would be.
    pub path: String,
    /// The fields of a `queries_*.json`, but for `q_file`.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl StoredLayer {
    /// Tokens of all captures; `None` where they are too many for this machine.
    pub fn tokens(&self) -> Option<usize> {
        let mut captures = self.captures.iter();
        captures.try_fold(0usize, |sum, capture| sum.checked_add(capture.tokens))
    }
}
