//! Combines results of layers to points: sizes are sums over layers, errors are means over layers.

use super::candidate::{Candidate, Class};
use super::explored::{KL_BY_ATTENTION_ERROR, Point};
use super::found::{LayerFound, Tried};
use super::presets::preset_of;
use super::settings::ExploreSettings;
use crate::metrics::TokenErrors;
use crate::tensor::{Dtype, Kv};

/// Mean of errors over layers, except for the smallest cosine, which is the smallest of all.
pub fn mean<'a>(all: impl Iterator<Item = &'a TokenErrors>) -> TokenErrors {
    let mut sum = TokenErrors {
        cosine_min: f64::INFINITY,
        ..TokenErrors::default()
    };
    let mut count = 0.0;
    for errors in all {
        count += 1.0;
        sum.nmse += errors.nmse;
        sum.cosine += errors.cosine;
        sum.max_abs = sum.max_abs.max(errors.max_abs);
        sum.token += errors.token;
        sum.first += errors.first;
        sum.cosine_p1 += errors.cosine_p1;
        sum.cosine_min = sum.cosine_min.min(errors.cosine_min);
    }
    if count == 0.0 {
        return TokenErrors::default();
    }
    TokenErrors {
        nmse: sum.nmse / count,
        cosine: sum.cosine / count,
        token: sum.token / count,
        first: sum.first / count,
        cosine_p1: sum.cosine_p1 / count,
        ..sum
    }
}

/// The layers that were measured.
pub fn measured(layers: &[LayerFound]) -> impl Iterator<Item = &LayerFound> + Clone {
    layers.iter().filter(|layer| layer.dtype.is_some())
}

/// Points of all candidates. A candidate that does not fit every layer has no point: its size would cover fewer layers than the others'.
pub fn points(
    candidates: &[Candidate],
    layers: &[LayerFound],
    settings: &ExploreSettings,
) -> Vec<Point> {
    let layers: Vec<&LayerFound> = measured(layers).collect();
    let mut points = Vec::new();
    for (place, candidate) in candidates.iter().enumerate() {
        for kv in Kv::BOTH {
            let tried: Vec<&Tried> = layers
                .iter()
                .filter_map(|layer| {
                    layer
                        .tried
                        .iter()
                        .find(|tried| tried.candidate == place && tried.kv == kv)
                })
                .collect();
            if tried.is_empty() || tried.len() < layers.len() {
                continue;
            }
            let values: u64 = layers.iter().map(|layer| layer.values[kv]).sum();
            let raw: u64 = layers.iter().map(|layer| layer.raw_bytes[kv]).sum();
            let dtype = layers[0].dtype.unwrap_or(Dtype::F16);
            let errors = mean(tried.iter().map(|tried| &tried.errors));
            let with: Vec<f64> = tried.iter().filter_map(|tried| tried.attention).collect();
            let attention_error =
                (!with.is_empty()).then(|| with.iter().sum::<f64>() / with.len() as f64);
            let keep = |count| if candidate.keeps_tokens { count } else { 0 };
            let point = |bytes: u64, packed: bool| Point {
                scheme: candidate.name.clone(),
                class: candidate.class,
                engine: candidate.engine,
                flag: candidate.flag(kv, dtype),
                preset: preset_of(&candidate.method),
                packed,
                tensor: kv,
                sinks: keep(settings.sinks),
                recent: keep(settings.recent),
                bytes,
                bits_per_value: bytes as f64 * 8.0 / values.max(1) as f64,
                ratio: raw as f64 / bytes.max(1) as f64,
                errors,
                index: errors.index(),
                attention_error,
                estimated_kl: attention_error.map(|error| error * KL_BY_ATTENTION_ERROR),
                layers: tried.len(),
            };
            points.push(point(tried.iter().map(|tried| tried.bytes).sum(), false));
            if candidate.class == Class::Reference {
                let packed: Option<u64> = tried.iter().map(|tried| tried.packed_bytes).sum();
                points.extend(packed.map(|bytes| point(bytes, true)));
            }
        }
    }
    points
}
