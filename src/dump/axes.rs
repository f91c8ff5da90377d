//! The order of a tensor's axes: given, or inferred where the shapes leave no doubt.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// More KV heads than this no known model has.
const MOST_HEADS: u64 = 128;

/// What an axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    Layer,
    Batch,
    Heads,
    Seq,
    Dim,
}

const NAMES: &[(&str, Axis)] = &[
    ("layer", Axis::Layer),
    ("batch", Axis::Batch),
    ("heads", Axis::Heads),
    ("seq", Axis::Seq),
    ("dim", Axis::Dim),
];

/// An order of axes, such as `batch,heads,seq,dim`. `seq` and `dim` must be in it; without `heads` there is one head, without
/// `batch` one run; `layer` is for arrays that hold all layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Axes(Vec<Axis>);

/// Why a text is not an order of axes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AxesError {
    /// A name that is no axis.
    #[error("{0:?} is not one of layer, batch, heads, seq, dim")]
    Unknown(String),
    /// An axis that is there twice.
    #[error("{0} is in it twice")]
    Twice(String),
    /// An axis that must be there.
    #[error("{0} is missing")]
    Missing(&'static str),
}

impl Axes {
    /// Reads names with commas, spaces or `[ ]` between and around.
    ///
    /// # Errors
    /// When a name is unknown or there twice, or `seq` or `dim` is missing.
    pub fn parse(text: &str) -> Result<Self, AxesError> {
        let mut axes = Vec::new();
        for name in text
            .split([',', ' ', '[', ']', 'x'])
            .filter(|name| !name.is_empty())
        {
            let lower = name.to_ascii_lowercase();
            let known = NAMES
                .iter()
                .find(|(known, _)| known.trim_end_matches('s') == lower.trim_end_matches('s'));
            let (_, axis) = known.ok_or_else(|| AxesError::Unknown(name.to_owned()))?;
            if axes.contains(axis) {
                return Err(AxesError::Twice(lower));
            }
            axes.push(*axis);
        }
        for (name, axis) in [("seq", Axis::Seq), ("dim", Axis::Dim)] {
            if !axes.contains(&axis) {
                return Err(AxesError::Missing(name));
            }
        }
        Ok(Self(axes))
    }

    /// Number of axes.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Position of an axis.
    pub(super) fn position(&self, axis: Axis) -> Option<usize> {
        self.0.iter().position(|&own| own == axis)
    }
}

impl fmt::Display for Axes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, axis) in self.0.iter().enumerate() {
            let name = NAMES
                .iter()
                .find(|(_, known)| known == axis)
                .map_or("", |(name, _)| name);
            write!(out, "{}{name}", if at > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Axes {
    type Error = AxesError;

    fn try_from(text: String) -> Result<Self, AxesError> {
        Self::parse(&text)
    }
}

impl From<Axes> for String {
    fn from(axes: Axes) -> Self {
        axes.to_string()
    }
}

/// Why the order of axes can't be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Doubt {
    /// There is no sign at all, so that what other files of the same kind show may count.
    pub no_sign: bool,
    /// The reason, for people.
    pub why: String,
}

/// A sign of the order of the two axes in question.
struct Sign {
    heads_first: bool,
    why: String,
}

/// Infers the order of axes of tensors that have the same pattern of names and number of axes.
///
/// Three signs count: an axis that differs between tensors while the other does not is `seq`; an axis is `seq` that is longer than
/// any model has heads, or 64 and more where the other is 2 to an eighth of it; names of a Hugging Face cache with 4 axes mean `[batch, heads, seq, dim]`. All signs that
/// there are must agree.
///
/// # Errors
/// When it can't be told, with the reason.
pub(super) fn infer(shapes: &[&[u64]], transformers: bool) -> Result<(Axes, String), Doubt> {
    let contradiction = |why: String| Doubt {
        no_sign: false,
        why,
    };
    let Some(first) = shapes.first() else {
        return Err(contradiction("there is no tensor".to_owned()));
    };
    let (a, b, dim) = match first.len() {
        3 => (0, 1, 2),
        4 => (1, 2, 3),
        count => {
            return Err(contradiction(format!(
                "tensors with {count} axes have no usual order"
            )));
        }
    };
    if shapes.iter().any(|shape| shape[dim] != first[dim]) {
        let why = "the last axis differs between tensors, so it is not the head's dimension";
        return Err(contradiction(why.to_owned()));
    }
    let signs = signs(shapes, a, b, transformers && first.len() == 4);
    let heads_first = match signs.as_slice() {
        [] => {
            let why = format!(
                "axes {a} and {b} of {} may be heads and tokens, or tokens and heads",
                text(first)
            );
            return Err(Doubt { no_sign: true, why });
        }
        [one, others @ ..]
            if others
                .iter()
                .all(|sign| sign.heads_first == one.heads_first) =>
        {
            one.heads_first
        }
        all => {
            let reasons: Vec<&str> = all.iter().map(|sign| sign.why.as_str()).collect();
            return Err(contradiction(format!(
                "the signs contradict each other: {}",
                reasons.join("; ")
            )));
        }
    };
    let order = if heads_first {
        [Axis::Heads, Axis::Seq]
    } else {
        [Axis::Seq, Axis::Heads]
    };
    let batch = if first.len() == 4 {
        vec![Axis::Batch]
    } else {
        vec![]
    };
    let axes = Axes(batch.into_iter().chain(order).chain([Axis::Dim]).collect());
    let reasons: Vec<String> = signs.into_iter().map(|sign| sign.why).collect();
    Ok((axes, reasons.join("; ")))
}

fn signs(shapes: &[&[u64]], a: usize, b: usize, transformers: bool) -> Vec<Sign> {
    let mut signs = Vec::new();
    let varies = |axis: usize| shapes.iter().any(|shape| shape[axis] != shapes[0][axis]);
    if varies(a) != varies(b) {
        let axis = if varies(a) { a } else { b };
        signs.push(Sign {
            heads_first: axis == b,
            why: format!("axis {axis} alone differs between tensors, so it counts tokens"),
        });
    }
    // One token of 64 to 128 heads can't be told from as many tokens of one head.
    let usual = |large: u64, small: u64| large >= 64 && small >= 2 && large / 8 >= small;
    let much =
        |large: u64, small: u64| (large > MOST_HEADS && small <= MOST_HEADS) || usual(large, small);
    let long =
        |axis: usize, other: usize| shapes.iter().find(|shape| much(shape[axis], shape[other]));
    for (axis, other) in [(a, b), (b, a)] {
        if let Some(shape) = long(axis, other) {
            let why = format!(
                "axis {axis} of {} is far greater than axis {other}, so it counts tokens",
                text(shape)
            );
            signs.push(Sign {
                heads_first: axis == b,
                why,
            });
        }
    }
    if transformers {
        signs.push(Sign {
            heads_first: true,
            why: "Hugging Face caches are batch, heads, seq, dim".to_owned(),
        });
    }
    signs
}

fn text(shape: &[u64]) -> String {
    super::tensors::Array::shape_text(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(shapes: &[&[u64]], transformers: bool) -> Option<String> {
        infer(shapes, transformers)
            .ok()
            .map(|(axes, _)| axes.to_string())
    }

    #[test]
    fn infers_only_what_the_shapes_leave_no_doubt_of() {
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(order(&[&[128, 3, 64]], false), is("seq,heads,dim"));
        assert_eq!(order(&[&[3, 128, 64]], false), is("heads,seq,dim"));
        assert_eq!(order(&[&[1, 3, 128, 64]], false), is("batch,heads,seq,dim"));
        assert_eq!(order(&[&[2, 128, 3, 64]], false), is("batch,seq,heads,dim"));
        assert_eq!(
            order(&[&[3, 1, 64], &[3, 5, 64]], false),
            is("heads,seq,dim")
        );
        assert_eq!(order(&[&[1, 8, 5, 64]], true), is("batch,heads,seq,dim"));
        assert_eq!(order(&[&[40, 500, 64]], false), is("heads,seq,dim"));
        assert_eq!(
            order(&[&[64, 1, 128]], false),
            None,
            "64 heads of one token?"
        );
        assert_eq!(
            order(&[&[8, 5, 64]], true),
            None,
            "three axes have no convention"
        );
        assert_eq!(order(&[&[1, 8, 5, 64]], false), None);
        assert_eq!(
            order(&[&[1, 3, 64]], false),
            None,
            "one token of three heads, or three of one"
        );
        assert_eq!(
            order(&[&[1, 128, 8, 64]], true),
            None,
            "128 heads of 8 tokens?"
        );
        assert_eq!(order(&[&[8, 100, 64], &[100, 8, 64]], false), None);
        assert_eq!(order(&[&[8, 100, 64], &[8, 100, 128]], false), None);
        assert_eq!(order(&[&[100, 64]], false), None);
    }

    #[test]
    fn reads_and_writes_orders() {
        assert_eq!(
            Axes::parse("[batch, head, seq, dim]").unwrap().to_string(),
            "batch,heads,seq,dim"
        );
        assert_eq!(
            Axes::parse("seq,dim,seq"),
            Err(AxesError::Twice("seq".to_owned()))
        );
        assert_eq!(
            Axes::parse("seq,tokens"),
            Err(AxesError::Unknown("tokens".to_owned()))
        );
        assert_eq!(Axes::parse("heads,dim"), Err(AxesError::Missing("seq")));
    }
}
