//! Measures one layer: every candidate on K and on V with few queries or, on later passes, chosen pairs with all of them.

use super::candidate::{Candidate, Method};
use super::confirm;
use super::found::{LayerFound, Pair, Tried};
use super::known::Known;
use super::layer::{Piece, pieces};
use super::settings::ExploreSettings;
use super::steps;
use super::treat::Side;
use crate::analysis::error::MeasureError;
use crate::analysis::report::NonFinite;
use crate::analysis::unit::{Member, Unit};
use crate::captured_queries::captured_queries;
use crate::metrics::{Attention, Changed, OutputErrors, Queries, token_errors};
use crate::par;
use crate::tensor::{Kv, Tensor};
use std::collections::BTreeSet;

/// What to do with each layer on this pass.
pub enum Look {
    /// Try every candidate.
    Field(Vec<Candidate>),
    /// Measure errors of these pairs with many queries; on the layers in the set, also the coded scheme's steps at this cosine.
    Pairs(Vec<Pair>, f64, BTreeSet<(String, i64)>),
    /// Write the chosen ones of these pairs, and measure errors of the `refined` ones.
    Chosen {
        pairs: Vec<Pair>,
        chosen: BTreeSet<usize>,
        refined: BTreeSet<usize>,
    },
}

/// Measures a layer. `known` is shared by all layers and passes.
///
/// # Errors
/// When the job was cancelled, or bytes of a chosen scheme can't be decoded.
pub fn measure(
    unit: &Unit,
    settings: &ExploreSettings,
    look: &Look,
    known: &Known,
) -> Result<LayerFound, MeasureError> {
    let capture = &unit.capture().capture;
    let (pieces, notes) = pieces(unit);
    let mut found = LayerFound {
        run: capture.run.clone(),
        layer_id: capture.layer_id,
        captures: unit.members().count(),
        notes: notes.into_iter().collect(),
        non_finite: non_finite(unit),
        ..LayerFound::default()
    };
    // Only the longest piece is measured: errors of separate pieces do not add up to an error of the whole.
    let Some(piece) = pieces.iter().max_by_key(|piece| piece.tokens()) else {
        return Ok(found);
    };
    if piece.tensors.iter().any(|tensor| tensor.non_finite() > 0) {
        let layer = found.layer_id;
        found.notes.insert(format!("layer {layer} holds NaN or infinite values, of which no error can be told: it is left out"));
        return Ok(found);
    }
    let queries = queries_of(unit, piece, &mut found.notes);
    found.tokens = piece.tokens() as u64;
    found.dtype = Some(piece.tensors[Kv::K].dtype());
    found.values = piece.values.each_ref().map(|values| values.len() as u64);
    let raw_bytes = |tensor: &Tensor| tensor.bytes().len() as u64;
    found.raw_bytes = piece.tensors.each_ref().map(raw_bytes);
    let rope = queries.iter().find_map(|(_, theta)| *theta);
    let rope = settings.rope.with_theta(rope);
    let queries: Vec<Queries> = queries.into_iter().map(|(queries, _)| queries).collect();
    found.queries = queries.iter().map(|queries| queries.positions.len()).sum();
    let layer = (capture.run.as_str(), capture.layer_id);
    let sides = Kv::BOTH.map(|kv| Side::new((piece, layer), kv, settings, rope, known));
    match look {
        Look::Field(candidates) => try_all(
            unit,
            piece,
            sides,
            candidates,
            &queries,
            settings.queries,
            &mut found,
        )?,
        Look::Pairs(pairs, cosine, sampled) => {
            confirm::errors(unit, piece, &sides, pairs, &queries, &mut found)?;
            if sampled.contains(&(found.run.clone(), found.layer_id)) {
                found.steps = steps::measure(unit, &sides, *cosine)?;
            }
        }
        Look::Chosen {
            pairs,
            chosen,
            refined,
        } => confirm::write(
            unit,
            piece,
            &sides,
            pairs,
            (chosen, refined),
            &queries,
            &mut found,
        )?,
    }
    Ok(found)
}

/// The tensors with NaN or infinite values, and how many they hold.
fn non_finite(unit: &Unit) -> Vec<NonFinite> {
    let of = |member: &Member| {
        Kv::BOTH.map(|kv| NonFinite {
            capture: member.info.index,
            tensor: kv.label(),
            values: kv.of(&member.k, &member.v).non_finite(),
        })
    };
    let all = unit.members().flat_map(of);
    all.filter(|tensor| tensor.values > 0).collect()
}

/// The unit's queries that can be applied to this piece, and the RoPE base that they state.
fn queries_of(
    unit: &Unit,
    piece: &Piece,
    notes: &mut BTreeSet<String>,
) -> Vec<(Queries, Option<f64>)> {
    let mut all = Vec::new();
    for (described, tensor) in unit.queries() {
        let queries = captured_queries(described, tensor);
        match queries.seeing_only(piece.position, piece.shapes()) {
            Ok(queries) if queries.positions.is_empty() => {}
            Ok(queries) => all.push((queries, described.attention.rope_theta)),
            Err(unused) => {
                notes.insert(format!("{}: {unused}", described.path));
            }
        }
    }
    all
}

/// Attention of the queries over the captured cache.
fn attentions<'a>(piece: &'a Piece, queries: &[Queries], most: usize) -> Vec<Attention<'a>> {
    let of = |queries: &Queries| {
        let portions = queries.portions(most, piece.tokens());
        portions
            .into_iter()
            .filter_map(|places| Attention::new(piece.cache(), queries, &places))
            .collect::<Vec<_>>()
    };
    queries.iter().flat_map(of).collect()
}

fn attention_errors(attentions: &[Attention], changed: Changed) -> Option<OutputErrors> {
    let mut sum: Option<OutputErrors> = None;
    for attention in attentions {
        sum.get_or_insert_default().add(&attention.errors(changed));
    }
    sum
}

/// Tries every candidate on K and on V.
fn try_all(
    unit: &Unit,
    piece: &Piece,
    mut sides: [Side; 2],
    candidates: &[Candidate],
    queries: &[Queries],
    most: usize,
    found: &mut LayerFound,
) -> Result<(), MeasureError> {
    if candidates
        .iter()
        .any(|candidate| matches!(candidate.method, Method::Coded(_)))
    {
        let [k, v] = &mut sides;
        par::join(|| k.prepare(), || v.prepare());
        unit.go_on()?;
    }
    let attentions = attentions(piece, queries, most);
    let jobs: Vec<(usize, Kv)> = (0..candidates.len())
        .flat_map(|candidate| Kv::BOTH.map(|kv| (candidate, kv)))
        .collect();
    let results = par::map(&jobs, &|&(candidate, kv)| {
        unit.go_on().ok()?;
        let side: &Side = &sides[kv];
        let treated = match side.treat(&candidates[candidate]) {
            Ok(treated) => treated,
            Err(why) => {
                return Some(Err(format!(
                    "{}: {why}, so it is left out",
                    candidates[candidate].name
                )));
            }
        };
        let changed = match side.kv {
            Kv::K => Changed::K(&treated.values),
            Kv::V => Changed::V(&treated.values),
        };
        let lossless = side.values == treated.values;
        let attention = if lossless {
            Some(0.0).filter(|_| !attentions.is_empty())
        } else {
            attention_errors(&attentions, changed).map(|errors| errors.total())
        };
        Some(Ok(Tried {
            candidate,
            kv: side.kv,
            bytes: treated.bytes,
            packed_bytes: treated.packed_bytes,
            errors: token_errors(side.values, &treated.values, side.about.shape),
            attention,
        }))
    });
    for result in results {
        match result {
            None => return Err(MeasureError::Cancelled),
            Some(Ok(tried)) => found.tried.push(tried),
            Some(Err(note)) => drop(found.notes.insert(note)),
        }
    }
    Ok(())
}
