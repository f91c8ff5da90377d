//! Infers the order of an array's axes where the shapes leave no doubt.

use super::array::shape_text;
use super::axes::{Axes, Axis};

/// No known model has more KV heads than this.
const MAX_KV_HEADS: u64 = 128;

/// Why the order of axes can't be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// There is no clue at all, so that what other files of the same kind show may count.
    pub no_clue: bool,
    /// The reason, for people.
    pub why: String,
}

/// A clue to the order of the two axes in question.
struct Clue {
    heads_first: bool,
    why: String,
}

/// Infers the order of axes of tensors that have the same pattern of names and number of axes.
///
/// Three clues count: an axis that differs between tensors while the other does not is `seq`; an axis is `seq` that is longer than
/// any model has heads, or 64 and more where the other is 2 to an eighth of it; names of a Hugging Face cache with 4 axes mean `[batch, heads, seq, dim]`. All clues that
/// there are must agree.
///
/// # Errors
/// When it can't be told, with the reason.
pub(crate) fn infer(shapes: &[&[u64]], transformers: bool) -> Result<(Axes, String), Doubt> {
    let contradiction = |why: String| Doubt {
        no_clue: false,
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
    let clues = clues(shapes, a, b, transformers && first.len() == 4);
    let heads_first = match clues.as_slice() {
        [] => {
            let why = format!(
                "axes {a} and {b} of {} may be heads and tokens, or tokens and heads",
                shape_text(first)
            );
            return Err(Doubt { no_clue: true, why });
        }
        [one, others @ ..]
            if others
                .iter()
                .all(|clue| clue.heads_first == one.heads_first) =>
        {
            one.heads_first
        }
        all => {
            let reasons: Vec<&str> = all.iter().map(|clue| clue.why.as_str()).collect();
            return Err(contradiction(format!(
                "the clues contradict each other: {}",
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
    let axes = Axes::from(Vec::from_iter(
        batch.into_iter().chain(order).chain([Axis::Dim]),
    ));
    let reasons: Vec<String> = clues.into_iter().map(|clue| clue.why).collect();
    Ok((axes, reasons.join("; ")))
}

fn clues(shapes: &[&[u64]], a: usize, b: usize, transformers: bool) -> Vec<Clue> {
    let mut clues = Vec::new();
    let varies = |axis: usize| shapes.iter().any(|shape| shape[axis] != shapes[0][axis]);
    if varies(a) != varies(b) {
        let axis = if varies(a) { a } else { b };
        clues.push(Clue {
            heads_first: axis == b,
            why: format!("axis {axis} alone differs between tensors, so it counts tokens"),
        });
    }
    // One token of 64 to 128 heads can't be told from as many tokens of one head.
    let usual = |large: u64, small: u64| large >= 64 && small >= 2 && large / 8 >= small;
    let much = |large: u64, small: u64| {
        (large > MAX_KV_HEADS && small <= MAX_KV_HEADS) || usual(large, small)
    };
    let long =
        |axis: usize, other: usize| shapes.iter().find(|shape| much(shape[axis], shape[other]));
    for (axis, other) in [(a, b), (b, a)] {
        if let Some(shape) = long(axis, other) {
            let why = format!(
                "axis {axis} of {} is far greater than axis {other}, so it counts tokens",
                shape_text(shape)
            );
            clues.push(Clue {
                heads_first: axis == b,
                why,
            });
        }
    }
    if transformers {
        clues.push(Clue {
            heads_first: true,
            why: "Hugging Face caches are batch, heads, seq, dim".to_owned(),
        });
    }
    clues
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
}
