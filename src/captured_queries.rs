//! Captured queries of a dump as the attention error takes them. A dump does not know the errors, nor they a dump; the analyses, pack
//! and the lesson all need both.

use crate::dump;
use crate::metrics::Queries;
use crate::tensor::Tensor;

/// The queries that `described` describes, with the values of `tensor`.
pub(crate) fn captured_queries(described: &dump::Queries, tensor: &Tensor) -> Queries {
    let dump::AttentionInfo {
        scale,
        rope_theta: _,
        sliding_window,
        logit_softcap,
    } = described.attention;
    Queries {
        positions: described.positions.clone(),
        heads: described.heads,
        head_dim: described.head_dim,
        values: tensor.values(),
        scale: scale as f32,
        window: sliding_window,
        softcap: logit_softcap.map(|cap| cap as f32),
    }
}
