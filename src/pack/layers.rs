//! The layers of a dump: captures of one layer of a run joined by position, in several pieces where positions are missing or repeated.

use std::collections::HashMap;

use crate::dump::{Dump, Problem};
use crate::scheme::{About, Tkc};
use crate::tensor::{Dtype, Kv, Shape, Tensor};

/// Layers that are held in memory and processed at a time.
pub(super) const BATCH: usize = 4;

/// Consecutive tokens of one layer of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layer {
    pub run: String,
    pub id: i64,
    pub position: u64,
    pub shape: Shape,
    /// Shape of V, whose heads and head_dim may differ from K's.
    pub v_shape: Shape,
    pub dtype: Dtype,
    /// Indices of its captures in the dump, in order of their tokens.
    pub captures: Vec<usize>,
    /// Whether no later tokens of the layer follow.
    pub is_last: bool,
    /// RoPE base of the keys, if captured queries state it.
    pub rope_theta: Option<f64>,
}

impl Layer {
    /// The description that schemes take.
    pub fn about(&self, kv: Kv) -> About {
        About {
            kv,
            position: self.position,
            shape: kv.of(self.shape, self.v_shape),
            dtype: self.dtype,
        }
    }

    /// The coded scheme with the keys' RoPE base, if it is known.
    pub fn told(&self, tkc: Tkc) -> Tkc {
        Tkc {
            rope: tkc.rope.with_theta(self.rope_theta),
            ..tkc
        }
    }

    /// Reads K and V.
    pub fn load(&self, dump: &Dump) -> Result<[Tensor; 2], Problem> {
        let mut loaded = HashMap::new();
        for (index, fetched) in dump.fetches(self.captures.iter().copied()) {
            loaded.insert(index, fetched?.decode()?);
        }
        let [mut k, mut v] = [Vec::new(), Vec::new()];
        for index in &self.captures {
            if let Some(capture) = loaded.remove(index) {
                k.extend(capture.k.into_bytes());
                v.extend(capture.v.into_bytes());
            }
        }
        let tensor = |shape, bytes| {
            let path = || dump.captures[self.captures[0]].path.clone();
            let fault = |error: crate::tensor::TensorError| {
                Problem::new(path(), crate::dump::Fault::Broken(error.to_string()))
            };
            Tensor::new(self.dtype, shape, bytes).map_err(fault)
        };
        Ok([tensor(self.shape, k)?, tensor(self.v_shape, v)?])
    }
}

/// All layers, in the order of their first captures.
pub(super) fn layers(dump: &Dump) -> Vec<Layer> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut by_key = HashMap::new();
    for (index, capture) in dump.captures.iter().enumerate() {
        let key = (
            capture.run.as_str(),
            capture.layer_id,
            capture.shape.kv_heads,
            capture.shape.head_dim,
            (capture.v_shape.kv_heads, capture.v_shape.head_dim),
            capture.dtype,
        );
        let group = *by_key.entry(key).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(index);
    }
    groups
        .into_iter()
        .flat_map(|group| pieces(dump, group))
        .collect()
}

fn pieces(dump: &Dump, mut group: Vec<usize>) -> Vec<Layer> {
    group.sort_by_key(|&index| dump.captures[index].seq_start);
    let mut pieces: Vec<Layer> = Vec::new();
    for index in group {
        let capture = &dump.captures[index];
        if let Some(last) = pieces.last_mut() {
            let follows =
                last.position.checked_add(last.shape.seq_len as u64) == Some(capture.seq_start);
            let longer = Shape {
                seq_len: last.shape.seq_len.saturating_add(capture.shape.seq_len),
                ..last.shape
            };
            let v_longer = Shape {
                seq_len: longer.seq_len,
                ..last.v_shape
            };
            let fits = [longer, v_longer]
                .iter()
                .all(|shape| shape.bytes(last.dtype).is_some());
            if follows && fits {
                (last.shape, last.v_shape) = (longer, v_longer);
                last.captures.push(index);
                continue;
            }
            last.is_last = false;
        }
        pieces.push(Layer {
            run: capture.run.clone(),
            id: capture.layer_id,
            position: capture.seq_start,
            shape: capture.shape,
            v_shape: capture.v_shape,
            dtype: capture.dtype,
            captures: vec![index],
            is_last: true,
            rope_theta: dump
                .queries
                .iter()
                .filter(|queries| {
                    queries.run == capture.run && queries.layer_id == capture.layer_id
                })
                .find_map(|queries| queries.attention.rope_theta),
        });
    }
    pieces
}
