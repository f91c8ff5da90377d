//! Measures one layer: every candidate on K and on V with few queries or, on later passes, chosen pairs with all of them.

use super::candidate::{Candidate, Class, Method};
use super::layer::{Piece, pieces};
use super::settings::ExploreSettings;
use super::steps::{self, StepPoint};
use super::treat::{Side, Treated};
use crate::analysis::error::MeasureError;
use crate::analysis::report::NonFinite;
use crate::analysis::unit::{Found, Unit};
use crate::dump;
use crate::metrics::{Attention, Changed, OutputErrors, Queries, TokenErrors, token_errors};
use crate::par;
use crate::scheme::{Kv, Tkc};
use crate::tensor::{Dtype, Shape};
use std::collections::BTreeSet;

/// Number of queries of a layer on the second pass.
pub const FINAL_QUERIES: usize = 32;

/// Result of a candidate on K or V of a layer.
#[derive(Clone, Debug)]
pub struct Tried {
    pub candidate: usize,
    pub kv: Kv,
    pub bytes: u64,
    pub packed_bytes: Option<u64>,
    pub errors: TokenErrors,
    /// Attention error with only this tensor replaced; absent without queries.
    pub attention: Option<f64>,
}

/// Result of a pair on a layer: figures of K and of V, and the attention error of both together.
#[derive(Clone, Debug)]
pub struct Confirmed {
    pub pair: usize,
    /// Stored bytes of K and of V; not known for the coded scheme before it is written.
    pub bytes: [u64; 2],
    pub errors: [TokenErrors; 2],
    pub attention: Option<OutputErrors>,
}

/// Result of a chosen pair on a layer: its bytes were written and read back.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    pub pair: usize,
    pub bytes: [u64; 2],
    pub errors: [TokenErrors; 2],
}

/// Results of a layer.
#[derive(Clone, Debug, Default)]
pub struct LayerFound {
    pub run: String,
    pub layer_id: i64,
    pub captures: usize,
    /// Number of tokens that were measured.
    pub tokens: u64,
    pub shape: Option<(Shape, Dtype)>,
    /// Number of values in K, which is also that in V.
    pub values: u64,
    pub raw_bytes: u64,
    pub queries: usize,
    pub rope: Option<f64>,
    pub tried: Vec<Tried>,
    pub confirmed: Vec<Confirmed>,
    pub written: Vec<Written>,
    pub steps: Vec<StepPoint>,
    pub notes: BTreeSet<String>,
    pub non_finite: Vec<NonFinite>,
}

impl Found for LayerFound {}

/// Schemes for K and V that are measured together.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    pub k: Candidate,
    pub v: Candidate,
}

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

/// Measures a layer.
///
/// # Errors
/// When the job was cancelled, or bytes of a chosen scheme can't be decoded.
pub fn measure(
    unit: &Unit,
    settings: &ExploreSettings,
    look: &Look,
) -> Result<LayerFound, MeasureError> {
    let capture = &unit.capture().capture;
    let (pieces, notes) = pieces(unit);
    let mut found = LayerFound {
        run: capture.run.clone(),
        layer_id: capture.layer_id,
        captures: unit.members().count(),
        notes: notes.into_iter().collect(),
        ..LayerFound::default()
    };
    for member in unit.members() {
        for (name, tensor) in [("K", &member.k), ("V", &member.v)] {
            let values = tensor.non_finite();
            if values > 0 {
                found.non_finite.push(NonFinite {
                    capture: member.info.index,
                    tensor: name,
                    values,
                });
            }
        }
    }
    // The longest piece represents the layer: errors of the pieces of a cache do not add up to an error of the whole.
    let Some(piece) = pieces.iter().max_by_key(|piece| piece.shape.seq_len) else {
        return Ok(found);
    };
    if piece.tensors.iter().any(|tensor| tensor.non_finite() > 0) {
        let layer = found.layer_id;
        found.notes.insert(format!("layer {layer} holds NaN or infinite values, of which no error can be told: it is left out"));
        return Ok(found);
    }
    let queries = queries_of(unit, piece, &mut found.notes);
    found.tokens = piece.shape.seq_len as u64;
    found.shape = Some((piece.shape, piece.dtype));
    found.values = piece.values[0].len() as u64;
    found.raw_bytes = piece
        .tensors
        .iter()
        .map(|tensor| tensor.bytes().len() as u64)
        .sum();
    found.queries = queries
        .iter()
        .map(|(queries, _)| queries.positions.len())
        .sum();
    found.rope = queries.iter().find_map(|(_, theta)| *theta);
    let rope = settings.rope.with_theta(found.rope);
    let queries: Vec<Queries> = queries.into_iter().map(|(queries, _)| queries).collect();
    let sides =
        [Kv::K, Kv::V].map(|kv| Side::new(piece, kv, settings.sinks, settings.recent, rope));
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
            confirm(unit, piece, &sides, pairs, &queries, &mut found)?;
            if sampled.contains(&(found.run.clone(), found.layer_id)) {
                found.steps = steps::measure(unit, &sides, *cosine)?;
            }
        }
        Look::Chosen {
            pairs,
            chosen,
            refined,
        } => write(
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

/// The unit's queries that can be applied to this piece, and the RoPE base that they state.
fn queries_of(
    unit: &Unit,
    piece: &Piece,
    notes: &mut BTreeSet<String>,
) -> Vec<(Queries, Option<f64>)> {
    let mut all = Vec::new();
    for (described, tensor) in unit.queries() {
        let dump::AttentionInfo {
            scale,
            rope_theta,
            sliding_window,
            logit_softcap,
        } = described.attention;
        if described.head_dim != piece.shape.head_dim
            || !described.heads.is_multiple_of(piece.shape.kv_heads.max(1))
        {
            notes.insert(format!(
                "{}: its heads do not fit those of the captures, so it is not used",
                described.path
            ));
            continue;
        }
        if piece.position > 0 && sliding_window.is_none() {
            notes.insert(format!(
                "{}: the captures start at position {}, and queries look back to 0: it is not used",
                described.path, piece.position
            ));
            continue;
        }
        let first = sliding_window.map_or(0, |window| {
            piece.position.saturating_add(window).saturating_sub(1)
        });
        let end = piece.position + piece.shape.seq_len as u64;
        let first = if piece.position == 0 { 0 } else { first };
        let size = described.heads * described.head_dim;
        let values = tensor.values();
        let seen = described
            .positions
            .iter()
            .zip(values.chunks_exact(size.max(1)));
        let (positions, values): (Vec<u64>, Vec<&[f32]>) = seen
            .filter(|(position, _)| (first..end).contains(*position))
            .map(|(&position, values)| (position, values))
            .unzip();
        if values
            .iter()
            .any(|values| values.iter().any(|value| !value.is_finite()))
        {
            notes.insert(format!(
                "{}: holds NaN or infinite values, so it is not used",
                described.path
            ));
            continue;
        }
        if positions.is_empty() {
            continue;
        }
        let queries = Queries {
            positions,
            heads: described.heads,
            values: values.concat(),
            scale: scale as f32,
            window: sliding_window,
            softcap: logit_softcap.map(|cap| cap as f32),
        };
        all.push((queries, rope_theta));
    }
    all
}

/// Attention of the queries over the captured cache.
fn attentions<'a>(piece: &'a Piece, queries: &[Queries], most: usize) -> Vec<Attention<'a>> {
    let of = |queries: &Queries| {
        let portions = queries.portions(most, piece.shape.seq_len);
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

fn cancelled(unit: &Unit) -> Result<(), MeasureError> {
    if unit.is_cancelled() {
        Err(MeasureError::Cancelled)
    } else {
        Ok(())
    }
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
        cancelled(unit)?;
    }
    let attentions = attentions(piece, queries, most);
    let jobs: Vec<(usize, usize)> = (0..candidates.len())
        .flat_map(|candidate| [(candidate, 0), (candidate, 1)])
        .collect();
    let results = par::map(&jobs, &|&(candidate, side)| {
        if unit.is_cancelled() {
            return None;
        }
        let side: &Side = &sides[side];
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
            errors: token_errors(side.values, &treated.values, piece.shape),
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

/// The distinct candidates of pairs, each with the index of the tensor that it is for.
fn wanted<'a>(pairs: impl Iterator<Item = &'a Pair>) -> Vec<(usize, &'a Candidate)> {
    let mut wanted: Vec<(usize, &Candidate)> = Vec::new();
    for pair in pairs {
        for (side, candidate) in [(0, &pair.k), (1, &pair.v)] {
            if !wanted.contains(&(side, candidate)) {
                wanted.push((side, candidate));
            }
        }
    }
    wanted
}

/// Measures errors of pairs.
fn confirm(
    unit: &Unit,
    piece: &Piece,
    sides: &[Side; 2],
    pairs: &[Pair],
    queries: &[Queries],
    found: &mut LayerFound,
) -> Result<(), MeasureError> {
    // Without queries, pairs whose candidates were tried in all layers have nothing new to measure.
    let is_new = |pair: &Pair| {
        let coded = |candidate: &Candidate| matches!(candidate.method, Method::Coded(_));
        !queries.is_empty() || coded(&pair.k) || coded(&pair.v)
    };
    let pairs: Vec<(usize, &Pair)> = pairs
        .iter()
        .enumerate()
        .filter(|(_, pair)| is_new(pair))
        .collect();
    let wanted = wanted(pairs.iter().map(|(_, pair)| *pair));
    // Nearby steps share the work before rounding.
    let mut shared: Vec<(usize, f64)> = Vec::new();
    for (side, candidate) in &wanted {
        if let Method::Coded(step) = candidate.method {
            let key = (*side, Tkc::choice_step(step));
            if !shared.contains(&key) {
                shared.push(key);
            }
        }
    }
    let prepared = par::map(&shared, &|&(side, step)| {
        cancelled(unit)?;
        Ok(sides[side].prepared(sides[side].coded(step), true))
    });
    let prepared: Vec<_> = prepared.into_iter().collect::<Result<_, MeasureError>>()?;
    let prepared_for = |side: usize, step: f64| {
        let place = shared
            .iter()
            .position(|shared| *shared == (side, Tkc::choice_step(step)));
        place.map(|place| &prepared[place])
    };
    let treated = par::map(&wanted, &|&(side, candidate)| {
        cancelled(unit)?;
        let of: &Side = &sides[side];
        let coded = match candidate.method {
            Method::Coded(step) => {
                prepared_for(side, step).map(|prepared| of.restored(prepared, step))
            }
            _ => None,
        };
        let treated = match (&candidate.method, coded) {
            (_, Some(values)) => Ok(Treated {
                values,
                bytes: 0,
                packed_bytes: None,
            }),
            // Which layout is smallest is determined when it is written.
            (Method::Lossless, _) => Ok(Treated {
                values: of.values.to_vec(),
                bytes: 0,
                packed_bytes: None,
            }),
            _ => of.treat(candidate),
        };
        let treated = treated.map_err(|reason| MeasureError::NotReadBack {
            tensor: ["K", "V"][side],
            scheme: candidate.name.clone(),
            reason,
        })?;
        let errors = token_errors(of.values, &treated.values, piece.shape);
        Ok((treated, errors))
    });
    let treated: Vec<(Treated, TokenErrors)> = treated.into_iter().collect::<Result<_, _>>()?;
    let of = |side: usize, candidate: &Candidate| {
        let place = wanted
            .iter()
            .position(|wanted| *wanted == (side, candidate));
        place.map(|place| &treated[place])
    };
    let lossless = |candidate: &Candidate| candidate.method == Method::Lossless;
    let mut ready = Vec::new();
    let mut changes = Vec::new();
    for (place, pair) in pairs {
        let (Some(k), Some(v)) = (of(0, &pair.k), of(1, &pair.v)) else {
            continue;
        };
        ready.push((place, [k, v]));
        changes.push(
            (!lossless(&pair.k) || !lossless(&pair.v))
                .then_some(Changed::Both(&k.0.values, &v.0.values)),
        );
    }
    let errors = output_errors(unit, piece, queries, &changes)?;
    for ((pair, [k, v]), attention) in ready.into_iter().zip(errors) {
        found.confirmed.push(Confirmed {
            pair,
            bytes: [k.0.bytes, v.0.bytes],
            errors: [k.1, v.1],
            attention,
        });
    }
    Ok(())
}

/// Attention errors of changed tensors, with many queries; empty without queries.
fn output_errors(
    unit: &Unit,
    piece: &Piece,
    queries: &[Queries],
    changes: &[Option<Changed>],
) -> Result<Vec<Option<OutputErrors>>, MeasureError> {
    let mut sums: Vec<Option<OutputErrors>> = vec![None; changes.len()];
    for queries in queries {
        for places in queries.portions(FINAL_QUERIES, piece.shape.seq_len) {
            let Some(attention) = Attention::new(piece.cache(), queries, &places) else {
                continue;
            };
            let errors = par::map(changes, &|change| {
                cancelled(unit)?;
                Ok(match change {
                    Some(change) => attention.errors(*change),
                    None => attention.unchanged(),
                })
            });
            for (errors, sum) in errors.into_iter().zip(&mut sums) {
                sum.get_or_insert_default().add(&errors?);
            }
        }
    }
    Ok(sums)
}

/// Writes the chosen pairs and reads them back, except for the reference's methods, which nobody stores. For refined pairs also measures
/// the attention error.
fn write(
    unit: &Unit,
    piece: &Piece,
    sides: &[Side; 2],
    pairs: &[Pair],
    (chosen, refined): (&BTreeSet<usize>, &BTreeSet<usize>),
    queries: &[Queries],
    found: &mut LayerFound,
) -> Result<(), MeasureError> {
    let is_written = |pair: &Pair| {
        [&pair.k, &pair.v]
            .iter()
            .all(|candidate| candidate.class != Class::Reference)
    };
    let chosen: Vec<(usize, &Pair)> = chosen
        .iter()
        .map(|&place| (place, &pairs[place]))
        .filter(|(_, pair)| is_written(pair))
        .collect();
    let wanted = wanted(chosen.iter().map(|(_, pair)| *pair));
    let is_looked_at = |side: usize, candidate: &Candidate| {
        let pairs = refined.iter().map(|&place| &pairs[place]);
        !queries.is_empty()
            && pairs
                .map(|pair| [&pair.k, &pair.v][side])
                .any(|of| of == candidate)
    };
    let written = par::map(&wanted, &|&(side, candidate)| {
        cancelled(unit)?;
        let of: &Side = &sides[side];
        let written = of
            .write(candidate)
            .map_err(|reason| MeasureError::NotReadBack {
                tensor: ["K", "V"][side],
                scheme: candidate.name.clone(),
                reason,
            })?;
        let errors = token_errors(of.values, &written.values, piece.shape);
        let values = match is_looked_at(side, candidate) {
            true => written.values,
            false => Vec::new(),
        };
        Ok((written.bytes, errors, values))
    });
    let written: Vec<(u64, TokenErrors, Vec<f32>)> =
        written.into_iter().collect::<Result<_, _>>()?;
    let of = |side: usize, candidate: &Candidate| {
        let place = wanted
            .iter()
            .position(|wanted| *wanted == (side, candidate));
        place.map(|place| &written[place])
    };
    let (mut looked_at, mut changes) = (Vec::new(), Vec::new());
    for (place, pair) in chosen {
        let (Some(k), Some(v)) = (of(0, &pair.k), of(1, &pair.v)) else {
            continue;
        };
        found.written.push(Written {
            pair: place,
            bytes: [k.0, v.0],
            errors: [k.1, v.1],
        });
        if refined.contains(&place) {
            looked_at.push(found.written.len() - 1);
            changes.push(Some(Changed::Both(&k.2, &v.2)));
        }
    }
    let errors = output_errors(unit, piece, queries, &changes)?;
    for (place, attention) in looked_at.into_iter().zip(errors) {
        let Written {
            pair,
            bytes,
            errors,
        } = found.written[place];
        found.confirmed.push(Confirmed {
            pair,
            bytes,
            errors,
            attention,
        });
    }
    Ok(())
}
