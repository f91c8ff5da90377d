//! Captured queries of a layer: what attention was asked, at some positions. With them an error of K or V becomes an error of outputs.

use super::bytes::place::Place;
use super::problem::{Fault, Problem};
use crate::tensor::{Dtype, Shape, Tensor};

/// Queries of one layer of a run, described.
#[derive(Clone, Debug)]
pub struct Queries {
    /// Path of the file that describes them, or of the file that holds them with their name behind it; unique within a dump.
    pub path: String,
    /// The run that they belong to.
    pub run: String,
    /// The layer that they belong to.
    pub layer_id: i64,
    /// Position of each query.
    pub positions: Vec<u64>,
    /// Query heads.
    pub heads: usize,
    /// Elements of a head's vector.
    pub head_dim: usize,
    /// Element type.
    pub dtype: Dtype,
    /// What is known of the layer's attention.
    pub attention: AttentionInfo,
    /// Path that the describing file has, or would have, relative to the outermost archive.
    pub(crate) inner: Option<String>,
    pub(crate) q: Place,
}

/// How a layer's attention is computed.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct AttentionInfo {
    /// What a dot product of query and key is multiplied with.
    pub scale: f64,
    /// The base of the rotary embedding that K has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_theta: Option<f64>,
    /// How many positions a query sees, itself included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sliding_window: Option<u64>,
    /// A logit s becomes cap * tanh(s / cap).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logit_softcap: Option<f64>,
}

impl Queries {
    /// `[positions, heads, head_dim]`, as a tensor has it.
    pub fn shape(&self) -> Shape {
        Shape {
            seq_len: self.positions.len(),
            kv_heads: self.heads,
            head_dim: self.head_dim,
        }
    }

    /// Bytes of all queries.
    pub fn bytes(&self) -> u64 {
        self.shape().bytes(self.dtype).unwrap_or(0) as u64
    }

    /// Path that the describing file has, or would have, relative to the outermost archive; `None` for plain arrays.
    pub fn meta_path(&self) -> Option<&str> {
        self.inner.as_deref()
    }

    /// Reads them: `[positions, heads, head_dim]`, after RoPE, before the scale.
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
