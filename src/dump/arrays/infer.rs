//! Infers the order of an array's axes if names and shapes leave no doubt.

use std::collections::BTreeMap;

use super::array::shape_text;
use super::axes::{Axes, Axis};
use crate::tensor::Kv;

/// No known model has more KV heads than this.
const MAX_KV_HEADS: u64 = 128;
/// KV head counts of real models that are also common token counts.
const MANY_KV_HEADS: [u64; 3] = [64, 96, 128];
/// Nearly every prompt has at least this many tokens.
const MIN_PROMPT: u64 = 4;
/// Largest head dimension of known models, except for the latent vectors of MLA.
pub(super) const MAX_HEAD_DIM: u64 = 256;

/// Token counts of the blocks of a paged cache: powers of two in this range.
const BLOCK_LEN: std::ops::RangeInclusive<u64> = 8..=256;
/// Nearly no batch is larger than this.
const MANY_BLOCKS: u64 = 32;

/// Software that may have written the arrays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Maker {
    #[default]
    Unknown,
    /// The names are those that Hugging Face's transformers uses.
    NamedAsTransformers,
    /// The file says that it comes from a cache of transformers, or of one with the same order of axes.
    Transformers,
}

/// What is known about one array.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample<'a> {
    pub shape: &'a [u64],
    pub layer: Option<i64>,
    /// `None` if the array holds both.
    pub kv: Option<Kv>,
}

/// Reason why the order of axes is ambiguous.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// Whether there is no clue at all, so that clues from similar files may decide.
    pub no_clue: bool,
    /// The reason, for people.
    pub why: String,
    /// The candidate orders, if these are known.
    pub orders: Vec<Axes>,
}

impl Doubt {
    pub fn contradiction(why: impl Into<String>) -> Self {
        Self {
            no_clue: false,
            why: why.into(),
            orders: Vec::new(),
        }
    }

    fn no_clue(why: String) -> Self {
        Self {
            no_clue: true,
            ..Self::contradiction(why)
        }
    }

    /// Adds the two candidate orders of heads and tokens in `example`, if no clue tells them apart.
    fn between(self, example: &Axes) -> Self {
        let swapped = example.exchanged(Axis::Heads, Axis::Seq);
        let orders = if self.no_clue {
            vec![example.clone(), swapped]
        } else {
            Vec::new()
        };
        Self { orders, ..self }
    }

    /// Doubt between `order` and the same order with the axes `exchange` exchanged.
    fn either(why: String, order: Axes, exchange: (Axis, Axis)) -> Self {
        let other = order.exchanged(exchange.0, exchange.1);
        Self {
            orders: vec![order, other],
            ..Self::contradiction(why)
        }
    }
}

/// A clue to which of the two axes in question counts heads.
struct Clue {
    heads_first: bool,
    why: String,
}

/// Infers the order of axes of arrays that share a name pattern and a number of axes.
///
/// The last axis is the head dimension. These clues tell which of the two axes before it counts tokens:
///
/// - An axis that differs between K and V of one layer counts heads.
/// - An axis that differs between layers while the other does not counts tokens.
/// - So does an axis that is longer than any model has heads.
/// - So does an axis of 64 or more if the other is between 2 and an eighth of it (unless both may be heads).
/// - Names of a Hugging Face cache with 4 axes mean `[batch, heads, seq, dim]`.
///
/// All clues found must agree. In arrays that hold both K and V, one of the first two axes has length 2.
///
/// # Errors
/// When the order is ambiguous, with the reason.
pub(super) fn infer(samples: &[Sample<'_>], maker: Maker) -> Result<(Axes, String), Doubt> {
    let Some(first) = samples.first() else {
        return Err(Doubt::contradiction("there is no tensor"));
    };
    let has_layer = samples.iter().all(|sample| sample.layer.is_some());
    let count = first.shape.len();
    if samples.iter().all(|sample| sample.kv.is_none()) {
        return infer_both(samples, has_layer);
    }
    let example = || Axes::example(first.shape, false, has_layer);
    let outer = match (count, has_layer) {
        (3, true) => vec![],
        (4, true) => vec![Axis::Batch],
        (5, false) => vec![Axis::Layer, Axis::Batch],
        // Axis 0 has length 1: there is one layer, whichever of the two it counts.
        (4, false) if samples.iter().all(|sample| sample.shape[0] == 1) => vec![Axis::Layer],
        (4, false) => {
            let why = format!(
                "axis 0 of {} may count layers or a batch",
                shape_text(first.shape)
            );
            return Err(Doubt::either(why, example(), (Axis::Layer, Axis::Batch)));
        }
        (3, false) => {
            let why = format!("axis 0 of {} may count layers", shape_text(first.shape));
            let layers = Axes::from(vec![Axis::Layer, Axis::Seq, Axis::Dim]);
            return Err(Doubt {
                orders: vec![example(), layers],
                ..Doubt::contradiction(why)
            });
        }
        (2, _) => {
            let why = "tokens and the values of all heads? then --axes seq,dim, and --kv-heads with their number";
            return Err(Doubt::contradiction(why));
        }
        _ => {
            let why = format!("tensors with {count} axes have no usual order");
            return Err(Doubt::contradiction(why));
        }
    };
    let at = outer.len();
    if maker == Maker::Unknown && outer.last() == Some(&Axis::Batch) {
        not_paged(first.shape, at - 1, [at, at + 1], MANY_BLOCKS, &example())?;
    }
    let maker = if count == 4 { maker } else { Maker::Unknown };
    let (inner, why) = inner_order(samples, [at, at + 1], maker).map_err(|doubt| {
        let doubt = doubt.between(&example());
        if matches!(first.shape, [2..=u64::MAX, 1, _, _]) && doubt.no_clue && has_layer {
            // Older models keep tokens outside of the batch.
            let tokens_first = vec![Axis::Seq, Axis::Batch, Axis::Heads, Axis::Dim];
            let orders = [vec![Axes::from(tokens_first)], doubt.orders].concat();
            return Doubt { orders, ..doubt };
        }
        doubt
    })?;
    Ok((Axes::from([outer, inner].concat()), why))
}

/// Doubt if the axis `batch` may count the blocks of a paged cache instead, with `inner` the axes of tokens and heads
/// in a block. Up to a length of `max_batch` a batch is likelier. `example` is the order with a batch.
fn not_paged(
    shape: &[u64],
    batch: usize,
    inner: [usize; 2],
    max_batch: u64,
    example: &Axes,
) -> Result<(), Doubt> {
    let is_block = |axis: usize| shape[axis].is_power_of_two() && BLOCK_LEN.contains(&shape[axis]);
    let [a, b] = inner.map(is_block);
    let longest = inner.map(|axis| shape[axis]).into_iter().max();
    if shape[batch] <= max_batch || !(a || b) || longest > Some(*BLOCK_LEN.end()) {
        return Ok(());
    }
    let paged = example.exchanged(Axis::Batch, Axis::Blocks);
    let swapped = paged.exchanged(Axis::Heads, Axis::Seq);
    let (heads_first, tokens_first) = if paged.position(Axis::Heads) < paged.position(Axis::Seq) {
        (paged, swapped)
    } else {
        (swapped, paged)
    };
    // Most engines have tokens first.
    let paged = [(a, tokens_first), (b, heads_first)];
    let paged = paged
        .into_iter()
        .filter_map(|(is_so, axes)| is_so.then_some(axes));
    let why = format!(
        "axis {batch} of {} may count blocks of tokens, as in a paged cache, or a batch",
        shape_text(shape)
    );
    Err(Doubt {
        orders: paged.chain([example.clone()]).collect(),
        ..Doubt::contradiction(why)
    })
}

/// The order of axes of arrays that hold both K and V.
fn infer_both(samples: &[Sample<'_>], has_layer: bool) -> Result<(Axes, String), Doubt> {
    let shape = samples[0].shape;
    let is_two = |axis: usize| {
        samples
            .iter()
            .all(|sample| sample.shape.get(axis) == Some(&2))
    };
    let kv = match (is_two(0), is_two(1)) {
        (true, false) => 0,
        (false, true) => 1,
        (true, true) if has_layer => 0,
        (true, true) => {
            let why = format!(
                "axis 0 and axis 1 of {} may both be K and V",
                shape_text(shape)
            );
            return Err(Doubt::contradiction(why));
        }
        (false, false) => {
            let why = "no name tells K from V, and neither of the first two axes has length 2";
            return Err(Doubt::contradiction(why));
        }
    };
    let example = || Axes::example(shape, true, has_layer);
    let reason = format!("axis {kv} has length 2 and no name tells K from V, so it is K and V");
    let merged = "the last axis holds the values of all heads";
    let behind = shape.len() - 1;
    let (outer, merges) = match (behind, has_layer) {
        (2, true) => (vec![], true),
        (3, true) if merges_blocks(shape, kv) => {
            let why = format!(
                "the last axis of {} may hold the values of all heads, of tokens in blocks",
                shape_text(shape)
            );
            let mut blocks = vec![Axis::Blocks, Axis::Seq, Axis::Dim];
            blocks.insert(kv, Axis::Kv);
            return Err(Doubt {
                orders: vec![Axes::from(blocks), example()],
                ..Doubt::contradiction(why)
            });
        }
        (3, true) => (vec![], false),
        (4, true) => (vec![Axis::Batch], false),
        (3, false) if shape[shape.len() - 1] > MAX_HEAD_DIM => (vec![Axis::Layer], true),
        (5, false) => (vec![Axis::Layer, Axis::Batch], false),
        (3, false) => {
            let why = format!(
                "{reason}; the others of {} may be layers, tokens and the values of all heads, or heads, tokens and a head's values",
                shape_text(shape)
            );
            // Whether or not heads are merged, tokens lie at the same positions.
            let merged = [Axis::Layer, Axis::Seq, Axis::Dim];
            let mut merged = merged.to_vec();
            merged.insert(kv, Axis::Kv);
            return Err(Doubt {
                orders: vec![Axes::from(merged), example()],
                ..Doubt::contradiction(why)
            });
        }
        (4, false) => {
            let why = format!(
                "{reason}; the next of {} may count layers or a batch",
                shape_text(shape)
            );
            return Err(Doubt::either(why, example(), (Axis::Layer, Axis::Batch)));
        }
        _ => {
            let why = format!("tensors with {} axes have no usual order", shape.len());
            return Err(Doubt::contradiction(why));
        }
    };
    let (mut axes, why) = if merges {
        let axes = [outer, vec![Axis::Seq, Axis::Dim]].concat();
        (axes, format!("{reason}; {merged}"))
    } else {
        let at = outer.len() + 1;
        if outer.last() == Some(&Axis::Batch) {
            let batch = if kv < at - 1 { at - 1 } else { at - 2 };
            not_paged(shape, batch, [at, at + 1], 1, &example())?;
        }
        let (inner, why) = inner_order(samples, [at, at + 1], Maker::Unknown)
            .map_err(|doubt| doubt.between(&example()))?;
        ([outer, inner].concat(), format!("{reason}; {why}"))
    };
    axes.insert(kv, Axis::Kv);
    Ok((Axes::from(axes), why))
}

/// Whether an array of four axes may hold the blocks of a paged cache, with the values of all heads merged in the last
/// axis.
fn merges_blocks(shape: &[u64], kv: usize) -> bool {
    let (blocks, tokens) = (if kv == 0 { shape[1] } else { shape[0] }, shape[2]);
    let wide = shape[3] > MAX_HEAD_DIM;
    wide && blocks > 1 && tokens.is_power_of_two() && BLOCK_LEN.contains(&tokens)
}

/// The order of heads, tokens and head dimension; `at` has the indices of the first two axes.
fn inner_order(
    samples: &[Sample<'_>],
    at: [usize; 2],
    maker: Maker,
) -> Result<(Vec<Axis>, String), Doubt> {
    let dim = at[1] + 1;
    let differ = samples
        .iter()
        .any(|sample| sample.shape[dim] != samples[0].shape[dim]);
    let is_width =
        |sample: &Sample<'_>| sample.shape[dim].is_multiple_of(8) && sample.shape[dim] <= 1024;
    if differ && !samples.iter().all(is_width) {
        let why = "the last axis differs between tensors, so it may not be the head's dimension";
        return Err(Doubt::contradiction(why));
    }
    let first = shape_text(samples[0].shape);
    let [a, b] = at;
    let clues = clues(samples, at, maker);
    let both_may_be_heads = samples.iter().find(|sample| {
        let (large, small) = (
            sample.shape[a].max(sample.shape[b]),
            sample.shape[a].min(sample.shape[b]),
        );
        MANY_KV_HEADS.contains(&large) && (MIN_PROMPT..=MAX_KV_HEADS).contains(&small)
    });
    let heads_first = match clues.as_slice() {
        [] => {
            let why = match both_may_be_heads {
                Some(sample) => format!(
                    "{} may be {} heads of {} tokens each, or the other way round",
                    shape_text(sample.shape),
                    sample.shape[a],
                    sample.shape[b]
                ),
                None => format!(
                    "axes {a} and {b} of {first} may be heads and tokens, or tokens and heads"
                ),
            };
            return Err(Doubt::no_clue(why));
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
            return Err(Doubt::contradiction(format!(
                "the clues contradict each other: {}",
                reasons.join("; ")
            )));
        }
    };
    let order = if heads_first {
        vec![Axis::Heads, Axis::Seq, Axis::Dim]
    } else {
        vec![Axis::Seq, Axis::Heads, Axis::Dim]
    };
    let reasons: Vec<String> = clues.into_iter().map(|clue| clue.why).collect();
    Ok((order, reasons.join("; ")))
}

fn clues(samples: &[Sample<'_>], [a, b]: [usize; 2], maker: Maker) -> Vec<Clue> {
    let mut clues = Vec::new();
    let dim = b + 1;
    let mut by_layer: BTreeMap<_, [Option<&[u64]>; 2]> = BTreeMap::new();
    for sample in samples {
        let half = usize::from(sample.kv == Some(Kv::V));
        by_layer.entry(sample.layer).or_default()[half].get_or_insert(sample.shape);
    }
    let pair_differs = |axis: usize| {
        by_layer
            .values()
            .any(|pair| matches!(pair, [Some(k), Some(v)] if k[axis] != v[axis]))
    };
    if !pair_differs(a) && !pair_differs(b) {
        // Layers with another number of heads also have another head dimension.
        let alike = |sample: &&Sample<'_>| sample.shape[dim] == samples[0].shape[dim];
        let varies = |axis: usize| {
            let mut alike = samples.iter().filter(alike);
            alike.any(|sample| sample.shape[axis] != samples[0].shape[axis])
        };
        if varies(a) != varies(b) {
            let axis = if varies(a) { a } else { b };
            clues.push(Clue {
                heads_first: axis == b,
                why: format!("axis {axis} alone differs between tensors, so it counts tokens"),
            });
        }
    }
    // One token of 64 to 128 heads can't be told from as many tokens of one head, nor 8 tokens of 64 heads from 64
    // tokens of 8.
    let may_be_heads =
        |large: u64, small: u64| MANY_KV_HEADS.contains(&large) && small >= MIN_PROMPT;
    let usual = |large: u64, small: u64| {
        large >= 64 && small >= 2 && large / 8 >= small && !may_be_heads(large, small)
    };
    let much = |large: u64, small: u64| {
        (large > MAX_KV_HEADS && small <= MAX_KV_HEADS) || usual(large, small)
    };
    for (axis, other) in [(a, b), (b, a)] {
        let long = |sample: &&Sample<'_>| much(sample.shape[axis], sample.shape[other]);
        if let Some(sample) = samples.iter().find(long) {
            let why = format!(
                "axis {axis} of {} is far greater than axis {other}, so it counts tokens",
                shape_text(sample.shape)
            );
            clues.push(Clue {
                heads_first: axis == b,
                why,
            });
        }
    }
    // Names alone don't tell 8 tokens of 128 heads from 128 tokens of 8: other software uses the same names.
    let doubtful = |sample: &Sample<'_>| may_be_heads(sample.shape[a], sample.shape[b]);
    let by_name = maker == Maker::NamedAsTransformers && !samples.iter().any(doubtful);
    if maker == Maker::Transformers || by_name {
        clues.push(Clue {
            heads_first: true,
            why: "Hugging Face caches are batch, heads, seq, dim".to_owned(),
        });
    }
    // Only if nothing else decides: K and V of different captures may have been combined by mistake.
    if clues.is_empty() && pair_differs(a) != pair_differs(b) {
        let axis = if pair_differs(a) { a } else { b };
        clues.push(Clue {
            heads_first: axis == a,
            why: format!("axis {axis} differs between K and V of a layer, so it counts heads"),
        });
    }
    clues
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(shapes: &[&[u64]], transformers: bool) -> Option<String> {
        let layers = shapes.iter().zip(0..);
        let samples: Vec<Sample<'_>> = layers
            .map(|(&shape, layer)| Sample {
                shape,
                layer: Some(layer),
                kv: Some(Kv::K),
            })
            .collect();
        infer(
            &samples,
            if transformers {
                Maker::NamedAsTransformers
            } else {
                Maker::Unknown
            },
        )
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
        assert_eq!(
            order(&[&[1, 64, 8, 128]], false),
            None,
            "64 heads of 8 tokens?"
        );
        assert_eq!(
            order(&[&[8, 100, 64], &[8, 100, 128]], false),
            is("heads,seq,dim"),
            "layers of different width"
        );
        assert_eq!(
            order(&[&[8, 64, 100], &[8, 64, 57]], false),
            None,
            "tokens may lie in the last axis"
        );
        assert_eq!(order(&[&[100, 64]], false), None);
    }

    #[test]
    fn k_and_v_of_a_layer_have_as_many_tokens() {
        let sample = |shape, kv| Sample {
            shape,
            layer: Some(0),
            kv: Some(kv),
        };
        let order = |k, v| {
            let inferred = infer(&[sample(k, Kv::K), sample(v, Kv::V)], Maker::Unknown);
            inferred.map(|(axes, _)| axes.to_string()).ok()
        };
        let found = order(&[8, 20, 64], &[4, 20, 64]);
        assert_eq!(found.as_deref(), Some("heads,seq,dim"));
        let found = order(&[1, 4, 80, 192], &[1, 4, 80, 128]);
        assert_eq!(found.as_deref(), Some("batch,heads,seq,dim"));
    }

    #[test]
    fn arrays_of_k_and_v_have_an_axis_of_2() {
        let order = |shape: &[u64], layer| {
            let sample = Sample {
                shape,
                layer,
                kv: None,
            };
            infer(&[sample], Maker::Unknown)
                .map(|(axes, _)| axes.to_string())
                .ok()
        };
        let cases: [(&[u64], Option<i64>, Option<&str>); 9] = [
            (&[2, 64, 128], Some(0), Some("kv,seq,dim")),
            (&[2, 100, 4, 64], Some(0), Some("kv,seq,heads,dim")),
            (&[100, 2, 512], Some(0), Some("seq,kv,dim")),
            (&[2, 30, 100, 1024], None, Some("kv,layer,seq,dim")),
            (&[2, 30, 100, 64], None, None),
            (
                &[2, 3, 1, 2, 80, 64],
                None,
                Some("kv,layer,batch,heads,seq,dim"),
            ),
            (
                &[3, 2, 1, 2, 80, 64],
                None,
                Some("layer,kv,batch,heads,seq,dim"),
            ),
            (&[2, 2, 1, 2, 80, 64], None, None),
            (&[3, 3, 64], Some(0), None),
        ];
        for (shape, layer, expected) in cases {
            assert_eq!(order(shape, layer).as_deref(), expected, "{shape:?}");
        }
    }
}
