//! The index of a `.kvz`, a JSON document.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::tensor::Kv;

/// The index. Parts are numbered in this order: K and V of each layer, then queries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredIndex {
    /// The program that wrote the file.
    pub writer: String,
    /// Schemes that layers refer to by index.
    pub schemes: Vec<StoredScheme>,
    /// Stored layers; each entry holds consecutive tokens of one layer of a run.
    pub layers: Vec<StoredLayer>,
    /// Stored queries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<StoredQueries>,
}

/// A scheme, and the tokens that are exempt from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredScheme {
    /// Name of the scheme, as a user types it.
    pub name: String,
    /// Number of positions, from the start of a run, that are stored raw.
    #[serde(default)]
    pub sinks: u64,
    /// Number of tokens, at the end of a layer, that are stored raw.
    #[serde(default)]
    pub recent: u64,
}

impl StoredScheme {
    /// The scheme that stores elements bit for bit.
    pub fn lossless() -> Self {
        Self {
            name: LOSSLESS.to_owned(),
            sinks: 0,
            recent: 0,
        }
    }
}

/// Name of the scheme that stores elements bit for bit: always used for queries, for K and V on request.
pub const LOSSLESS: &str = "lossless";

/// Consecutive tokens of one layer of a run, in two parts: K and V.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLayer {
    /// Name of the run.
    pub run: String,
    /// Layer number, as the model counts.
    pub layer_id: i64,
    /// Position of the first token.
    pub position: u64,
    /// Number of KV heads; of K only, where V has another number.
    pub kv_heads: usize,
    /// Values in a head's vector; of K only, where V has another number.
    pub head_dim: usize,
    /// Number of V's heads, where it differs from K's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v_kv_heads: Option<usize>,
    /// Values in a head's vector of V, where it differs from K's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v_head_dim: Option<usize>,
    /// Element type: `fp16`, `bf16`, `fp32`, `fp8_e4m3` or `fp8_e5m2`.
    pub dtype: String,
    /// Index of K's scheme.
    pub k_scheme: usize,
    /// Index of V's scheme.
    pub v_scheme: usize,
    /// Captures that were joined, in order of their tokens.
    pub captures: Vec<StoredCapture>,
}

/// A capture of a stored layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCapture {
    /// Path of its meta file, whether or not it had one.
    pub path: String,
    /// `prefill`, `decode`, or any other text of its meta file.
    pub stage: String,
    /// Number of tokens.
    pub tokens: usize,
}

/// Queries of a layer, in one part: `[positions, heads, head_dim]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredQueries {
    /// Path of the file that described them, whether or not there was one.
    pub path: String,
    /// Fields of a `queries_*.json`, except `q_file`.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl StoredLayer {
    /// Number of tokens of all captures; `None` on overflow.
    pub fn tokens(&self) -> Option<usize> {
        let mut captures = self.captures.iter();
        captures.try_fold(0usize, |sum, capture| sum.checked_add(capture.tokens))
    }

    /// Index of the scheme of K or of V.
    pub fn scheme(&self, kv: Kv) -> usize {
        kv.of(self.k_scheme, self.v_scheme)
    }
}
