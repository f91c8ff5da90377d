//! A layer of a run as explore measures it: captures joined by position to one K and one V, in several pieces where positions are missing
//! or repeated.

use crate::analysis::unit::{Member, Unit};
use crate::metrics;
use crate::tensor::{Dtype, Kv, Shape, Tensor};

/// Consecutive tokens of a layer.
pub struct Piece<'a> {
    /// Captures, in order of their positions.
    pub members: Vec<&'a Member>,
    /// Position of the first token.
    pub position: u64,
    /// K and V of the whole piece, which may differ in heads and head dimension.
    pub tensors: [Tensor; 2],
    /// The values of `tensors` as f32.
    pub values: [Vec<f32>; 2],
    /// Whether it ends where the layer's captures end, so that its last tokens are the run's.
    pub is_last: bool,
}

/// The pieces of a unit, and notes on gaps and repeated positions.
pub fn pieces(unit: &Unit) -> (Vec<Piece<'_>>, Vec<String>) {
    let mut members: Vec<&Member> = unit
        .members()
        .filter(|member| !member.k.is_empty())
        .collect();
    members.sort_by_key(|member| member.capture.seq_start);
    let (mut groups, mut notes): (Vec<Vec<&Member>>, Vec<String>) = (Vec::new(), Vec::new());
    for member in members {
        let start = member.capture.seq_start;
        let joins = groups.last().and_then(|group| group.last()).map(|last| {
            let end = last
                .capture
                .seq_start
                .saturating_add(last.k.shape().seq_len as u64);
            (end, vectors(last) == vectors(member))
        });
        match (joins, groups.last_mut()) {
            (Some((end, true)), Some(group)) if end == start => group.push(member),
            (joins, _) => {
                if let Some((end, alike)) = joins {
                    notes.push(note(member, end, alike));
                }
                groups.push(vec![member]);
            }
        }
    }
    let count = groups.len();
    let piece = |(place, members)| Piece::new(members, place + 1 == count);
    (
        groups.into_iter().enumerate().filter_map(piece).collect(),
        notes,
    )
}

/// Type of a member's values, and heads and head dimensions of K and of V.
fn vectors(member: &Member) -> (Dtype, [(usize, usize); 2]) {
    let of = |tensor: &Tensor| (tensor.shape().kv_heads, tensor.shape().head_dim);
    (member.k.dtype(), [of(&member.k), of(&member.v)])
}

fn note(member: &Member, end: u64, alike: bool) -> String {
    let (path, start) = (&member.capture.path, member.capture.seq_start);
    let what = if !alike {
        "has another shape or type than the capture before it".to_owned()
    } else if start > end {
        format!(
            "starts at position {start}, and positions {end} to {} are missing",
            start - 1
        )
    } else {
        format!("starts at position {start}, which the previous capture contains already")
    };
    format!("{path} {what}: the layer is taken in pieces")
}

impl<'a> Piece<'a> {
    fn new(members: Vec<&'a Member>, is_last: bool) -> Option<Self> {
        let first = members.first()?;
        let position = first.capture.seq_start;
        let join = |kv: Kv| {
            let tensors = members.iter().map(|member| kv.of(&member.k, &member.v));
            let first = kv.of(&first.k, &first.v);
            let shape = Shape {
                seq_len: tensors.clone().map(|tensor| tensor.shape().seq_len).sum(),
                ..first.shape()
            };
            let bytes: Vec<&[u8]> = tensors.map(Tensor::bytes).collect();
            Tensor::new(first.dtype(), shape, bytes.concat()).ok()
        };
        let tensors = [join(Kv::K)?, join(Kv::V)?];
        let values = [tensors[0].values(), tensors[1].values()];
        Some(Self {
            members,
            position,
            tensors,
            values,
            is_last,
        })
    }

    /// Shapes of K and of V.
    pub fn shapes(&self) -> [Shape; 2] {
        self.tensors.each_ref().map(Tensor::shape)
    }

    /// Number of tokens.
    pub fn tokens(&self) -> usize {
        self.shapes()[Kv::K].seq_len
    }

    /// K and V as the attention metrics take them.
    pub fn cache(&self) -> metrics::Cache<'_> {
        let [k, v] = self.shapes();
        metrics::Cache {
            k: &self.values[0],
            v: &self.values[1],
            position: self.position,
            kv_heads: k.kv_heads,
            head_dim: k.head_dim,
            v_head_dim: v.head_dim,
        }
    }
}
