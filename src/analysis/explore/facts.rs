//! Findings in this dump that deserve attention, each a sentence with its numbers.

use super::candidate::Class;
use super::explored::{Chosen, Fact, LayerRow, Point};
use crate::numeric::python_float::fixed;
use crate::tensor::Kv;

/// Cosines above this look harmless.
const GOOD_COSINE: f64 = 0.999;

/// An error this many times the mean stands out.
const STANDS_OUT: f64 = 3.0;

/// All findings from points, choices and layers.
pub fn facts(points: &[Point], choices: &[Chosen], layers: &[LayerRow]) -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.extend(first_token(points));
    facts.extend(keys(points));
    facts.extend(heads(choices, layers));
    facts.extend(worst_layer(choices, layers));
    facts
}

/// Formats a number with three significant digits.
pub fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let exponent = libm::floor(libm::log10(value.abs())) as i32;
    if (-3..6).contains(&exponent) {
        fixed(value, (2 - exponent).max(0) as usize)
    } else {
        format!("{value:.2e}")
    }
}

/// The scheme with the largest first-token error among those with a good cosine.
fn first_token(points: &[Point]) -> Option<Fact> {
    let good = points.iter().filter(|point| {
        point.errors.cosine >= GOOD_COSINE && point.errors.token > 0.0 && !point.packed
    });
    let apart = |point: &Point| point.errors.first / point.errors.token;
    let worst = good.max_by(|a, b| apart(a).total_cmp(&apart(b)))?;
    (apart(worst) >= STANDS_OUT).then(|| {
        let (cosine, first, token) = (worst.errors.cosine, worst.errors.first, worst.errors.token);
        Fact {
            kind: "firstToken",
            text: format!(
                "A good cosine hides the first token: {} on {} has cosine {}, yet the first token's error is {}, {} times the mean of all tokens ({}). Nearly every query looks at that token; keeping the first 4 tokens raw costs little.",
                worst.scheme,
                worst.tensor.name().to_uppercase(),
                fixed(cosine, 5),
                short(first),
                short(apart(worst)),
                short(token),
            ),
            numbers: vec![cosine, first, apart(worst), token],
        }
    })
}

/// Whether keys or values suffer more from the same format.
fn keys(points: &[Point]) -> Option<Fact> {
    let error = |point: &Point| point.attention_error.unwrap_or(point.index);
    let mut ratios: Vec<(f64, &Point, &Point)> = points
        .iter()
        .filter(|point| {
            point.tensor == Kv::K
                && matches!(point.class, Class::Engine | Class::Packed)
                && error(point) > 0.0
        })
        .filter_map(|k| {
            let same = |point: &&Point| {
                point.tensor == Kv::V
                    && point.scheme == k.scheme
                    && point.class == k.class
                    && point.engine == k.engine
            };
            let v = points.iter().find(same).filter(|v| error(v) > 0.0)?;
            Some((error(k) / error(v), k, v))
        })
        .collect();
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    let &(median, k, v) = ratios.get(ratios.len() / 2)?;
    let what = if k.attention_error.is_some() {
        "attention error"
    } else {
        "index"
    };
    let (worse, other, times, advice) = if median >= 1.0 {
        (Kv::K, Kv::V, median, "Keys deserve the finer format")
    } else {
        (
            Kv::V,
            Kv::K,
            1.0 / median,
            "Values deserve the finer format",
        )
    };
    Some(Fact {
        kind: "keys",
        text: format!(
            "{worse} suffers more than {other}: in the same format its {what} is {} times {other}'s (median of {} formats; {}: K {}, V {}). {advice}.",
            short(times),
            ratios.len(),
            k.scheme,
            short(error(k)),
            short(error(v))
        ),
        numbers: vec![times, ratios.len() as f64, error(k), error(v)],
    })
}

/// The rows of the first lossy choice with attention errors.
fn looked_at<'a>(
    choices: &'a [Chosen],
    layers: &'a [LayerRow],
) -> Option<(&'a Chosen, Vec<&'a LayerRow>)> {
    let place = choices
        .iter()
        .position(|choice| choice.attention_error.is_some_and(|error| error > 0.0))?;
    let rows = layers.iter().filter(|row| row.choice == place).collect();
    Some((&choices[place], rows))
}

/// A query head whose error is far above that of its layer.
fn heads(choices: &[Chosen], layers: &[LayerRow]) -> Option<Fact> {
    let (choice, rows) = looked_at(choices, layers)?;
    let apart = |row: &&LayerRow| {
        let (head, error) = row.worst_head?;
        let all = row.attention_error.filter(|all| *all > 0.0)?;
        Some((error / all, head, error, row.layer_id))
    };
    let (times, head, error, layer) = rows
        .iter()
        .filter_map(apart)
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    (times >= STANDS_OUT).then(|| Fact {
        kind: "heads",
        text: format!(
            "Query head {head} of layer {layer} stands out: with K as {} and V as {} its outputs move by {}, {} times the layer's mean.",
            choice.k,
            choice.v,
            short(error),
            short(times)
        ),
        numbers: vec![head as f64, layer as f64, error, times],
    })
}

/// The layer with the largest attention error.
fn worst_layer(choices: &[Chosen], layers: &[LayerRow]) -> Option<Fact> {
    let (choice, rows) = looked_at(choices, layers)?;
    let worst = rows
        .iter()
        .filter_map(|row| Some((row.attention_error?, row.layer_id)))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    let mean = choice.attention_error?;
    Some(Fact {
        kind: "layers",
        text: format!(
            "Layer {} moves most: its attention error is {}, {} times the mean of all layers ({}; K as {}, V as {}).",
            worst.1,
            short(worst.0),
            short(worst.0 / mean),
            short(mean),
            choice.k,
            choice.v
        ),
        numbers: vec![worst.1 as f64, worst.0, worst.0 / mean, mean],
    })
}
