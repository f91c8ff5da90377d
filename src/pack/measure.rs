//! Errors of a packed dump: means over layers, K and V apart, and the attention error where there are queries.

use super::layers::Layer;
use crate::dump::{Dump, Problem};
use crate::metrics::{Attention, Cache, Changed, OutputErrors, Queries, token_errors};
use crate::tensor::Shape;
use serde::Serialize;

/// Errors of K or of V.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SideErrors {
    /// Cosine, the mean over layers.
    pub cosine: f64,
    /// Cosine, the mean over captures by elements, as the analysis `mixed` has it.
    pub capture_cosine: f64,
    /// Squared error by squared values, the mean over layers.
    pub nmse: f64,
    /// The index: token error + 0.1 * first-token error, the mean over layers.
    pub index: f64,
}

impl SideErrors {
    /// The worse of the two cosines.
    pub fn least_cosine(&self) -> f64 {
        self.cosine.min(self.capture_cosine)
    }
}

/// Errors of a packed dump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// Of K.
    pub k: SideErrors,
    /// Of V.
    pub v: SideErrors,
    /// The mean over layers with queries, K and V changed together.
    pub attention: Option<f64>,
}

/// What one layer adds.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfLayer {
    sides: [SideErrors; 2],
    elements: [f64; 2],
    attention: Option<f64>,
}

/// K and V of a layer, as f32.
pub(super) type Values = [Vec<f32>; 2];

/// The errors of a layer.
pub(super) fn layer(
    dump: &Dump,
    layer: &Layer,
    values: &Values,
    restored: &Values,
    queries: &[Queries],
) -> OfLayer {
    let side = |side: usize, whole: Shape| {
        let (values, restored) = (&values[side], &restored[side]);
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
        }
    };
    let Shape {
        kv_heads, head_dim, ..
    } = layer.shape;
    let mut sums = OutputErrors::default();
    let mut asked = false;
    // Attention errors are of layers whose V is shaped as K is.
    for queries in queries.iter().filter(|_| layer.shape == layer.v_shape) {
        let cache = Cache {
            k: &values[0],
            v: &values[1],
            position: layer.position,
            kv_heads,
            head_dim,
        };
        let places: Vec<usize> = (0..queries.positions.len()).collect();
        if let Some(attention) = Attention::new(cache, queries, &places) {
            asked = true;
            sums.add(&attention.errors(Changed::Both(&restored[0], &restored[1])));
        }
    }
    OfLayer {
        sides: [side(0, layer.shape), side(1, layer.v_shape)],
        elements: values.each_ref().map(|values| values.len() as f64),
        attention: asked.then(|| sums.total()),
    }
}

/// The queries of a layer, read.
pub(super) fn queries(dump: &Dump, layer: &Layer) -> Result<Vec<Queries>, Problem> {
    let mine = dump.queries.iter();
    let mine = mine.filter(|queries| queries.run == layer.run && queries.layer_id == layer.id);
    mine.map(|queries| {
        Ok(Queries {
            positions: queries.positions.clone(),
            heads: queries.heads,
            values: queries.load()?.values(),
            scale: queries.attention.scale as f32,
            window: queries.attention.sliding_window,
            softcap: queries.attention.logit_softcap.map(|cap| cap as f32),
        })
    })
    .collect()
}

/// The means over layers.
pub(super) fn means(layers: &[OfLayer]) -> Measured {
    let count = layers.len().max(1) as f64;
    let side = |side: usize| {
        let elements: f64 = layers.iter().map(|layer| layer.elements[side]).sum();
        let mean = |of: &dyn Fn(&SideErrors) -> f64| {
            layers
                .iter()
                .map(|layer| of(&layer.sides[side]))
                .sum::<f64>()
                / count
        };
        let by_elements = layers
            .iter()
            .map(|layer| layer.sides[side].capture_cosine * layer.elements[side]);
        SideErrors {
            cosine: mean(&|errors| errors.cosine),
            capture_cosine: by_elements.sum::<f64>() / elements.max(1.0),
            nmse: mean(&|errors| errors.nmse),
            index: mean(&|errors| errors.index),
        }
    };
    let asked: Vec<f64> = layers.iter().filter_map(|layer| layer.attention).collect();
    Measured {
        k: side(0),
        v: side(1),
        attention: (!asked.is_empty()).then(|| asked.iter().sum::<f64>() / asked.len() as f64),
    }
}
