//! Errors of a packed dump: means over layers, for K and V separately, and the attention error if there are queries.

use super::layers::Layer;
use crate::captured_queries::captured_queries;
use crate::dump::{Dump, Problem};
use crate::metrics::{Attention, Cache, Changed, OutputErrors, Queries, token_errors};
use crate::tensor::{Kv, Shape};
use serde::Serialize;

/// Errors of K or of V; all are NaN if every layer is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SideErrors {
    /// Cosine, as the mean over layers.
    pub cosine: f64,
    /// Cosine, as the mean over captures weighted by elements, as in the analysis `mixed`.
    pub capture_cosine: f64,
    /// Squared error divided by squared values, as the mean over layers.
    pub nmse: f64,
    /// Index (token error + 0.1 * first-token error), as the mean over layers.
    pub index: f64,
    /// Number of layers that are left out because they hold NaN or infinite values.
    pub left_out: usize,
}

impl SideErrors {
    /// The smaller of the two cosines.
    pub fn least_cosine(&self) -> f64 {
        self.cosine.min(self.capture_cosine)
    }
}

/// Errors of a packed dump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// Errors of K.
    pub k: SideErrors,
    /// Errors of V.
    pub v: SideErrors,
    /// Attention error with both K and V replaced, as the mean over layers with queries; absent without queries.
    pub attention: Option<f64>,
}

/// Errors of one layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfLayer {
    /// Of K and of V; a tensor with NaN or infinite values is left out.
    sides: [SideErrors; 2],
    elements: [f64; 2],
    attention: Option<f64>,
}

/// Errors of K or of V alone, in one layer or as a mean over layers.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfSide {
    pub errors: SideErrors,
    /// Attention error with only this tensor replaced; absent without queries.
    pub attention: Option<f64>,
    elements: f64,
}

/// K and V of a layer, as f32.
pub(super) type Values = [Vec<f32>; 2];

/// Errors of one layer.
pub(super) fn layer(
    dump: &Dump,
    layer: &Layer,
    values: &Values,
    restored: &Values,
    queries: &[Queries],
) -> OfLayer {
    let mut sums: Option<OutputErrors> = None;
    let sides = Kv::BOTH.map(|kv| side_errors(dump, layer, kv, &values[kv], &restored[kv]));
    let is_whole = sides.iter().all(|errors| errors.left_out == 0);
    // One portion of the queries at a time, to bound the memory of their weights.
    for (queries, places) in portions(layer, queries).into_iter().filter(|_| is_whole) {
        let Some(attention) = Attention::new(cache(layer, values), queries, &places) else {
            continue;
        };
        let errors = attention.errors(Changed::Both(&restored[0], &restored[1]));
        sums.get_or_insert_default().add(&errors);
    }
    OfLayer {
        sides,
        elements: values.each_ref().map(|values| values.len() as f64),
        attention: sums.map(|sums| sums.total()),
    }
}

/// Attention of the queries over the captured cache.
pub(super) fn attentions<'a>(
    layer: &Layer,
    values: &'a Values,
    queries: &[Queries],
) -> Vec<Attention<'a>> {
    let portions = portions(layer, queries).into_iter();
    portions
        .filter_map(|(queries, places)| Attention::new(cache(layer, values), queries, &places))
        .collect()
}

/// Errors of K or V alone.
pub(super) fn side(
    dump: &Dump,
    layer: &Layer,
    kv: Kv,
    values: &[f32],
    restored: &[f32],
    attentions: &[Attention],
) -> OfSide {
    let mut sums: Option<OutputErrors> = None;
    for attention in attentions {
        let changed = match kv {
            Kv::K => Changed::K(restored),
            Kv::V => Changed::V(restored),
        };
        sums.get_or_insert_default().add(&attention.errors(changed));
    }
    let attention = sums.map(|sums| sums.total());
    OfSide {
        errors: side_errors(dump, layer, kv, values, restored),
        attention: attention.filter(|error| error.is_finite()),
        elements: values.len() as f64,
    }
}

fn cache<'a>(layer: &Layer, values: &'a Values) -> Cache<'a> {
    Cache {
        k: &values[0],
        v: &values[1],
        position: layer.position,
        kv_heads: layer.shape.kv_heads,
        head_dim: layer.shape.head_dim,
        v_head_dim: layer.v_shape.head_dim,
    }
}

/// Indices of queries, in portions.
fn portions<'q>(layer: &Layer, queries: &'q [Queries]) -> Vec<(&'q Queries, Vec<usize>)> {
    let of = |queries: &'q Queries| {
        let portions = queries
            .portions(usize::MAX, layer.shape.seq_len)
            .into_iter();
        portions.map(move |places| (queries, places))
    };
    queries.iter().flat_map(of).collect()
}

/// At most `most` of the queries, evenly spread.
pub(super) fn some(queries: Queries, most: usize) -> Queries {
    let count = queries.positions.len();
    if count <= most {
        return queries;
    }
    let size = queries.heads * queries.head_dim;
    let places = (0..most).map(|index| (2 * index + 1) * count / (2 * most));
    let (positions, values): (Vec<u64>, Vec<&[f32]>) = places
        .map(|place| {
            let values = &queries.values[place * size..][..size];
            (queries.positions[place], values)
        })
        .unzip();
    Queries {
        positions,
        values: values.concat(),
        ..queries
    }
}

fn side_errors(dump: &Dump, layer: &Layer, kv: Kv, values: &[f32], restored: &[f32]) -> SideErrors {
    if !values.iter().all(|value| value.is_finite()) {
        return SideErrors {
            left_out: 1,
            ..SideErrors::default()
        };
    }
    let whole = kv.of(layer.shape, layer.v_shape);
    let token = whole.token_elements();
    let errors = token_errors(values, restored, whole);
    let mut capture_cosine = errors.cosine;
    if layer.captures.len() > 1 {
        let mut first = 0;
        capture_cosine = 0.0;
        for &index in &layer.captures {
            let shape = Shape {
                seq_len: dump.captures[index].shape.seq_len,
                ..whole
            };
            let range = first * token..(first + shape.seq_len) * token;
            first += shape.seq_len;
            let errors = token_errors(&values[range.clone()], &restored[range], shape);
            capture_cosine += errors.cosine * shape.seq_len as f64;
        }
        capture_cosine /= layer.shape.seq_len.max(1) as f64;
    }
    SideErrors {
        cosine: errors.cosine,
        capture_cosine,
        nmse: errors.nmse,
        index: errors.index(),
        left_out: 0,
    }
}

/// Reads the queries that the attention error of a layer is measured with; the second list names the others, and says why.
pub(super) fn queries(dump: &Dump, layer: &Layer) -> Result<(Vec<Queries>, Vec<String>), Problem> {
    let (mut found, mut unused) = (Vec::new(), Vec::new());
    let mine = dump.queries.iter();
    for described in mine.filter(|it| it.run == layer.run && it.layer_id == layer.id) {
        let queries = captured_queries(described, &described.load()?);
        match queries.seeing_only(layer.position, [layer.shape, layer.v_shape]) {
            Ok(queries) if queries.positions.is_empty() => {}
            Ok(queries) => found.push(queries),
            Err(why) => unused.push(format!("{}: {why}", described.path)),
        }
    }
    Ok((found, unused))
}

/// Whether the attention error of a layer can be measured.
pub(super) fn has_queries(dump: &Dump, layer: &Layer) -> Result<bool, Problem> {
    let (queries, _) = queries(dump, layer)?;
    Ok(!portions(layer, &queries).is_empty())
}

/// Means over layers.
pub(super) fn means(layers: &[OfLayer]) -> Measured {
    let of = |kv: Kv| {
        let layers = layers.iter();
        layers.map(move |layer| (layer.sides[kv], layer.elements[kv]))
    };
    Measured {
        k: mean_errors(of(Kv::K)),
        v: mean_errors(of(Kv::V)),
        attention: mean(layers.iter().filter_map(|layer| layer.attention)),
    }
}

/// Means over layers, for K alone or V alone.
pub(super) fn mean_of_sides(layers: impl Iterator<Item = OfSide> + Clone) -> OfSide {
    OfSide {
        errors: mean_errors(layers.clone().map(|side| (side.errors, side.elements))),
        attention: mean(layers.clone().filter_map(|side| side.attention)),
        elements: layers.map(|side| side.elements).sum(),
    }
}

fn mean(values: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    let count = values.clone().count();
    (count > 0).then(|| values.sum::<f64>() / count as f64)
}

/// Means of errors; each comes with its number of elements.
fn mean_errors(sides: impl Iterator<Item = (SideErrors, f64)> + Clone) -> SideErrors {
    let told = sides.clone().filter(|(errors, _)| errors.left_out == 0);
    let of = |error: fn(&SideErrors) -> f64| {
        mean(told.clone().map(|(errors, _)| error(&errors))).unwrap_or(f64::NAN)
    };
    let elements: f64 = told.clone().map(|(_, elements)| elements).sum();
    let by_elements = told
        .clone()
        .map(|(errors, elements)| errors.capture_cosine * elements);
    let cosine = of(|errors| errors.cosine);
    // Captures without a token weigh nothing.
    let capture_cosine = if elements > 0.0 {
        by_elements.sum::<f64>() / elements
    } else {
        cosine
    };
    SideErrors {
        cosine,
        capture_cosine,
        nmse: of(|errors| errors.nmse),
        index: of(|errors| errors.index),
        left_out: sides.map(|(errors, _)| errors.left_out).sum(),
    }
}
