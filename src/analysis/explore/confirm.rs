//! The later passes over a layer: chosen pairs with all queries, then what is chosen among them written and read back.

use super::candidate::{Candidate, Class, Method};
use super::found::{Confirmed, LayerFound, Pair, Written};
use super::layer::Piece;
use super::treat::{Side, Treated};
use crate::analysis::error::MeasureError;
use crate::analysis::unit::Unit;
use crate::metrics::{Attention, Changed, OutputErrors, Queries, TokenErrors, token_errors};
use crate::par;
use crate::scheme::Tkc;
use crate::tensor::Kv;
use std::collections::BTreeSet;

/// Number of queries of a layer on the second pass.
const FINAL_QUERIES: usize = 32;

/// The distinct candidates of pairs, each with the tensor that it is for.
fn wanted<'a>(pairs: impl Iterator<Item = &'a Pair>) -> Vec<(Kv, &'a Candidate)> {
    let mut wanted: Vec<(Kv, &Candidate)> = Vec::new();
    for pair in pairs {
        for (kv, candidate) in [(Kv::K, &pair.k), (Kv::V, &pair.v)] {
            if !wanted.contains(&(kv, candidate)) {
                wanted.push((kv, candidate));
            }
        }
    }
    wanted
}

/// The result for K or V of a candidate, where `results` are those of `wanted`.
fn result_of<'r, R>(
    wanted: &[(Kv, &Candidate)],
    results: &'r [R],
    kv: Kv,
    candidate: &Candidate,
) -> Option<&'r R> {
    let place = wanted.iter().position(|wanted| *wanted == (kv, candidate));
    place.map(|place| &results[place])
}

fn not_read_back(tensor: Kv, candidate: &Candidate, reason: String) -> MeasureError {
    MeasureError::NotReadBack {
        tensor,
        scheme: candidate.name.clone(),
        reason,
    }
}

/// Measures errors of pairs.
pub fn errors(
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
    let treated = treated(unit, sides, &wanted)?;
    let of = |kv: Kv, candidate: &Candidate| result_of(&wanted, &treated, kv, candidate);
    let lossless = |candidate: &Candidate| candidate.method == Method::Lossless;
    let mut ready = Vec::new();
    let mut changes = Vec::new();
    for (place, pair) in pairs {
        let (Some(k), Some(v)) = (of(Kv::K, &pair.k), of(Kv::V, &pair.v)) else {
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

/// The values of candidates, with their errors. Bytes of the coded scheme and of lossless storing are left at 0.
fn treated(
    unit: &Unit,
    sides: &[Side; 2],
    wanted: &[(Kv, &Candidate)],
) -> Result<Vec<(Treated, TokenErrors)>, MeasureError> {
    // Nearby steps share the work before rounding.
    let mut shared: Vec<(Kv, f64)> = Vec::new();
    for (kv, candidate) in wanted {
        if let Method::Coded(step) = candidate.method {
            let key = (*kv, Tkc::choice_step(step));
            if !shared.contains(&key) {
                shared.push(key);
            }
        }
    }
    let prepared = par::map(&shared, &|&(kv, step)| {
        unit.go_on()?;
        Ok(sides[kv].prepared_near(step))
    });
    let prepared: Vec<_> = prepared.into_iter().collect::<Result<_, MeasureError>>()?;
    let prepared_for = |kv: Kv, step: f64| {
        let place = shared
            .iter()
            .position(|shared| *shared == (kv, Tkc::choice_step(step)));
        place.map(|place| &prepared[place])
    };
    let treated = par::map(wanted, &|&(kv, candidate)| {
        unit.go_on()?;
        let of: &Side = &sides[kv];
        let values = match candidate.method {
            Method::Coded(step) => {
                prepared_for(kv, step).map(|prepared| of.restored(prepared, step))
            }
            // Which layout is smallest is determined when it is written.
            Method::Lossless => Some(of.values.to_vec()),
            Method::Scheme(_)
            | Method::Truncate(_)
            | Method::Round(_)
            | Method::Quantize(_)
            | Method::BlockNorm(_) => None,
        };
        let treated = match values {
            Some(values) => Treated {
                values,
                bytes: 0,
                packed_bytes: None,
            },
            None => of
                .treat(candidate)
                .map_err(|reason| not_read_back(kv, candidate, reason))?,
        };
        let errors = token_errors(of.values, &treated.values, of.about.shape);
        Ok((treated, errors))
    });
    treated.into_iter().collect()
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
        for places in queries.portions(FINAL_QUERIES, piece.tokens()) {
            let Some(attention) = Attention::new(piece.cache(), queries, &places) else {
                continue;
            };
            let errors = par::map(changes, &|change| {
                unit.go_on()?;
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
pub fn write(
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
    let is_looked_at = |kv: Kv, candidate: &Candidate| {
        let pairs = refined.iter().map(|&place| &pairs[place]);
        !queries.is_empty()
            && pairs
                .map(|pair| kv.of(&pair.k, &pair.v))
                .any(|of| of == candidate)
    };
    let written = par::map(&wanted, &|&(kv, candidate)| {
        unit.go_on()?;
        let of: &Side = &sides[kv];
        let written = of
            .write(candidate)
            .map_err(|reason| not_read_back(kv, candidate, reason))?;
        let errors = token_errors(of.values, &written.values, of.about.shape);
        let values = match is_looked_at(kv, candidate) {
            true => written.values,
            false => Vec::new(),
        };
        Ok((written.bytes, errors, values))
    });
    let written: Vec<(u64, TokenErrors, Vec<f32>)> =
        written.into_iter().collect::<Result<_, _>>()?;
    let of = |kv: Kv, candidate: &Candidate| result_of(&wanted, &written, kv, candidate);
    let (mut looked_at, mut changes) = (Vec::new(), Vec::new());
    for (place, pair) in chosen {
        let (Some(k), Some(v)) = (of(Kv::K, &pair.k), of(Kv::V, &pair.v)) else {
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
