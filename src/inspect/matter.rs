//! Which errors of a layer matter to the model: where attention looks, the length of each token's vectors, and how a
//! lossy setting of K alone or V alone changes the attention outputs.

use serde::{Deserialize, Serialize};

use super::lesson::{LessonError, Method, changed};
use crate::captured_queries::captured_queries;
use crate::dump;
use crate::metrics::{Attention, Cache, Changed, OutputErrors, TokenErrors, Unused, token_errors};
use crate::tensor::{Shape, Tensor};

/// A lossy setting to examine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct MatterRequest {
    /// Lossy method.
    pub method: Method,
    /// Mantissa bits (0 to 23) or quantizer bits (2 to 16).
    pub bits: u32,
}

/// K and V of a capture, each under a lossy setting on its own.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Matter {
    /// Number of query vectors used; 0 if the dump has none for these tokens.
    pub queries: usize,
    /// Files of queries that are not used, and why.
    pub unused: Vec<String>,
    /// Mean attention weight of each token over all queries and query heads; empty without queries.
    pub weights: Vec<f64>,
    /// Effect of the setting on K alone.
    pub k: TensorMatter,
    /// Effect of the setting on V alone.
    pub v: TensorMatter,
}

/// Effect of a lossy setting on one tensor.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct TensorMatter {
    /// L2 norm of each token's vector, all heads together.
    pub lengths: Vec<f32>,
    /// Cosine, and errors by token.
    pub errors: TokenErrors,
    /// Attention error with only this tensor replaced: squared error of the outputs divided by their squares. Absent
    /// without queries.
    pub attention: Option<f64>,
}

impl Matter {
    /// Measures the capture's tokens from `position` on, using those queries that attend to no other tokens.
    ///
    /// # Errors
    /// When the setting is invalid, or K or V hold values that are not finite.
    pub fn of(
        (k, v): (&Tensor, &Tensor),
        position: u64,
        queries: &[(&dump::Queries, Tensor)],
        request: MatterRequest,
    ) -> Result<Self, LessonError> {
        let non_finite = k.non_finite() + v.non_finite();
        if non_finite > 0 {
            return Err(LessonError::NonFinite(non_finite));
        }
        let restored = |tensor| changed(tensor, request.method, request.bits);
        let [k_after, v_after] = [restored(k)?.values(), restored(v)?.values()];
        let [k_before, v_before] = [k.values(), v.values()];
        let shape = k.shape();
        let cache = Cache {
            k: &k_before,
            v: &v_before,
            position,
            kv_heads: shape.kv_heads,
            head_dim: shape.head_dim,
            v_head_dim: v.shape().head_dim,
        };
        let mut unused = Vec::new();
        let mut attentions: Vec<(usize, Attention)> = Vec::new();
        for (described, tensor) in queries {
            match attention(cache, [shape, v.shape()], described, tensor) {
                Ok(found) => attentions.extend(found),
                Err(why) => unused.push(format!("{}: {why}", described.path)),
            }
        }
        let moved = |change: Changed| {
            let mut all = OutputErrors::default();
            for (_, attention) in &attentions {
                all.add(&attention.errors(change));
            }
            (!attentions.is_empty()).then(|| all.total())
        };
        let count: usize = attentions.iter().map(|(count, _)| count).sum();
        let mut weights = Vec::new();
        for (share, attention) in &attentions {
            weights.resize(shape.seq_len, 0.0);
            for (sum, mean) in weights.iter_mut().zip(attention.mean_weights()) {
                *sum += mean * *share as f64 / count as f64;
            }
        }
        let lengths = |tensor: &Tensor, values: &[f32]| {
            let token = tensor.shape().token_elements().max(1);
            let length = |token: &[f32]| token.iter().map(|x| x * x).sum::<f32>().sqrt();
            values.chunks_exact(token).map(length).collect()
        };
        Ok(Self {
            queries: count,
            unused,
            weights,
            k: TensorMatter {
                lengths: lengths(k, &k_before),
                errors: token_errors(&k_before, &k_after, k.shape()),
                attention: moved(Changed::K(&k_after)),
            },
            v: TensorMatter {
                lengths: lengths(v, &v_before),
                errors: token_errors(&v_before, &v_after, v.shape()),
                attention: moved(Changed::V(&v_after)),
            },
        })
    }
}

/// Attention of evenly spaced queries, as many as memory allows, and the number of query vectors; `None` if none attends
/// to these tokens alone.
fn attention<'a>(
    cache: Cache<'a>,
    shapes: [Shape; 2],
    described: &dump::Queries,
    tensor: &Tensor,
) -> Result<Option<(usize, Attention<'a>)>, Unused> {
    let queries = captured_queries(described, tensor).seeing_only(cache.position, shapes)?;
    let count = queries.positions.len();
    let every = count.div_ceil(queries.at_a_time(shapes[0].seq_len)).max(1);
    let indices: Vec<usize> = (0..count).step_by(every).collect();
    let attention = Attention::new(cache, &queries, &indices);
    Ok(attention.map(|attention| (indices.len() * queries.heads, attention)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::tests::ramp;

    #[test]
    fn without_queries_errors_are_told_and_weights_are_not() {
        let (k, v) = (ramp(40), ramp(40));
        let request = MatterRequest {
            method: Method::Quant,
            bits: 6,
        };
        let matter = Matter::of((&k, &v), 0, &[], request).unwrap();
        assert_eq!((matter.queries, matter.weights.len()), (0, 0));
        assert_eq!((matter.k.attention, matter.k.lengths.len()), (None, 40));
        assert!(matter.k.errors.token > 0.0 && matter.k.errors.cosine < 1.0);
        let first = k.values()[..16].iter().map(|x| x * x).sum::<f32>().sqrt();
        assert_eq!(matter.k.lengths[0], first);
    }
}
