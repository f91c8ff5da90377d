//! Captured queries of a layer at some positions. With them an error of K or V can be expressed as an error of the
//! attention output.

use super::bytes::place::Place;
use super::problem::{Fault, Problem};
use crate::tensor::{Dtype, Shape, Tensor};

/// Captured queries of one layer of a run: their description, and where their bytes lie.
#[derive(Clone, Debug)]
pub struct Queries {
    /// Path of the file that describes the queries, or of the file that holds them followed by their name; unique
    /// within a dump.
    pub path: String,
    /// Run that the queries belong to.
    pub run: String,
    /// Layer that the queries belong to.
    pub layer_id: i64,
    /// Token position of each query.
    pub positions: Vec<u64>,
    /// Number of query heads.
    pub heads: usize,
    /// Head dimension.
    pub head_dim: usize,
    /// Element type.
    pub dtype: Dtype,
    /// Parameters of the layer's attention, as far as they are known.
    pub attention: AttentionInfo,
    /// Path of the describing file relative to the outermost archive, whether or not such a file exists.
    pub(crate) inner: Option<String>,
    pub(crate) q: Place,
}

/// How a layer's attention is computed.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct AttentionInfo {
    /// Factor that the dot product of query and key is multiplied with.
    pub scale: f64,
    /// Base of the rotary embedding that was applied to K; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_theta: Option<f64>,
    /// Number of positions that a query attends to, its own included; absent without a sliding window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sliding_window: Option<u64>,
    /// Softcap of the logits: a logit s becomes cap * tanh(s / cap). Absent without softcapping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logit_softcap: Option<f64>,
}

impl Queries {
    /// Shape of the query tensor, with positions as `seq_len` and query heads as `kv_heads`.
    pub fn shape(&self) -> Shape {
        Shape {
            seq_len: self.positions.len(),
            kv_heads: self.heads,
            head_dim: self.head_dim,
        }
    }

    /// Size of all queries, in bytes.
    pub fn bytes(&self) -> u64 {
        self.shape().bytes(self.dtype).unwrap_or(0) as u64
    }

    /// Path of the describing file relative to the outermost archive, whether or not such a file exists; `None` for
    /// plain arrays.
    pub fn meta_path(&self) -> Option<&str> {
        self.inner.as_deref()
    }

    /// Reads the queries: `[positions, heads, head_dim]`, after RoPE, before scaling.
    ///
    /// # Errors
    /// When the file has changed since the scan or can't be read.
    pub fn load(&self) -> Result<Tensor, Problem> {
        let unreadable = |error| Problem::new(&self.path, Fault::from(error));
        let bytes = self
            .q
            .span
            .fetch()
            .and_then(|bytes| bytes.unpack(&self.q.span))
            .map_err(unreadable)?;
        let bytes = self
            .q
            .arrange(vec![bytes], self.shape(), self.dtype)
            .map_err(unreadable)?;
        Tensor::new(self.dtype, self.shape(), bytes)
            .map_err(|error| Problem::new(&self.path, Fault::Broken(error.to_string())))
    }
}
