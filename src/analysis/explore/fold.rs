//! Goes through the layers of a dump twice: takes in what is found, decides what is looked at closely, and makes the report.

use super::candidate::{Candidate, Class, Engine, field};
use super::choose::{self, Limit};
use super::explored::{
    Chosen, Explored, KL_BY_ATTENTION_ERROR, KL_FACTOR, LayerRow, Point, StepGain,
};
use super::facts::facts;
use super::files::files;
use super::measure::{Confirmed, LayerFound, Look, Pair, measure};
use super::plan::{Planned, plan};
use super::points::{mean, measured, points};
use super::settings::{ExploreSettings, LimitKind};
use super::steps::Stage;
use crate::analysis::error::MeasureError;
use crate::analysis::report::{CaptureInfo, Report};
use crate::analysis::unit::{Analysis, Fold, Unit, Units};
use crate::scheme::Kv;
use crate::tensor::Dtype;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Layers on which the coded scheme's steps are told apart.
const SAMPLED_LAYERS: usize = 3;

/// The cosine for which the steps' ratios are told, where the limit is another error.
const STEPS_COSINE: f64 = 0.999;

/// One time through the dump.
pub struct Explore {
    settings: ExploreSettings,
    look: Look,
}

impl Explore {
    /// The first time.
    pub fn new(settings: ExploreSettings) -> Self {
        let candidates = field(&settings.classes, &settings.steps);
        Self {
            settings,
            look: Look::Field(candidates),
        }
    }
}

impl Analysis for Explore {
    type Found = LayerFound;

    fn units(&self) -> Units {
        Units::Layers
    }

    fn selects(&self, _: &CaptureInfo) -> bool {
        true
    }

    fn passes(&self) -> usize {
        2
    }

    fn measure(&self, unit: &Unit) -> Result<LayerFound, MeasureError> {
        measure(unit, &self.settings, &self.look)
    }

    fn fold(&self, _: &str) -> Box<dyn Fold<LayerFound>> {
        let candidates = match &self.look {
            Look::Field(candidates) => candidates.clone(),
            Look::Pairs(..) => Vec::new(),
        };
        Box::new(ExploreFold::new(self.settings.clone(), candidates))
    }
}

/// What is known so far.
pub struct ExploreFold {
    settings: ExploreSettings,
    candidates: Vec<Candidate>,
    layers: Vec<LayerFound>,
    planned: Vec<Planned>,
    pairs: Vec<Pair>,
    /// Of the second time through the dump.
    closely: Option<Vec<LayerFound>>,
}

impl Fold<LayerFound> for ExploreFold {
    fn push(&mut self, found: LayerFound) {
        self.closely
            .as_mut()
            .unwrap_or(&mut self.layers)
            .push(found);
    }

    fn again(&mut self) -> Option<Arc<dyn Analysis<Found = LayerFound>>> {
        if self.closely.is_some() {
            return None;
        }
        let limit = self.limit();
        let points = points(&self.candidates, &self.layers, &self.settings);
        let offers = [Kv::K, Kv::V].map(|kv| choose::options(&points, kv, limit));
        (self.planned, self.pairs) = plan(&self.candidates, &offers[0], &offers[1], limit);
        self.closely = Some(Vec::new());
        if self.pairs.is_empty() {
            return None;
        }
        let measured: Vec<&LayerFound> = measured(&self.layers).collect();
        let every = measured.len().div_ceil(SAMPLED_LAYERS).max(1);
        let sampled: BTreeSet<(String, i64)> = if self.settings.classes.contains(&Class::Stored) {
            let places = measured.iter().skip(every / 2).step_by(every);
            places
                .map(|layer| (layer.run.clone(), layer.layer_id))
                .collect()
        } else {
            BTreeSet::new()
        };
        Some(Arc::new(Explore {
            settings: self.settings.clone(),
            look: Look::Pairs(self.pairs.clone(), sampled),
        }))
    }

    fn so_far(&self) -> Option<Report> {
        measured(&self.layers).next()?;
        Some(self.report(self.explored()))
    }

    fn finish(self: Box<Self>) -> Report {
        let explored = self.explored();
        Report {
            files: files(&explored),
            ..self.report(explored)
        }
    }
}

impl ExploreFold {
    /// Nothing is known.
    pub fn new(settings: ExploreSettings, candidates: Vec<Candidate>) -> Self {
        Self {
            settings,
            candidates,
            layers: Vec::new(),
            planned: Vec::new(),
            pairs: Vec::new(),
            closely: None,
        }
    }

    fn limit(&self) -> Limit {
        Limit::new(
            &self.settings,
            measured(&self.layers).any(|layer| layer.queries > 0),
        )
    }

    fn report(&self, explored: Explored) -> Report {
        let non_finite_in: Vec<_> = self
            .layers
            .iter()
            .flat_map(|layer| layer.non_finite.clone())
            .collect();
        Report {
            captures: self.layers.iter().map(|layer| layer.captures).sum(),
            non_finite: non_finite_in.iter().map(|tensor| tensor.values).sum(),
            non_finite_in,
            explored: Some(explored),
            ..Report::default()
        }
    }

    fn explored(&self) -> Explored {
        let limit = self.limit();
        let layers: Vec<&LayerFound> = measured(&self.layers).collect();
        let points = points(&self.candidates, &self.layers, &self.settings);
        let sum = |of: fn(&LayerFound) -> u64| layers.iter().map(|layer| of(layer)).sum::<u64>();
        let (values, raw_bytes) = (sum(|layer| layer.values), sum(|layer| layer.raw_bytes));
        let per_token: f64 = layers
            .iter()
            .map(|layer| layer.raw_bytes as f64 / layer.tokens.max(1) as f64)
            .sum();
        let context_bytes = (per_token * self.settings.context_length as f64) as u64;
        let (choices, layer_rows) = self.choices(limit, raw_bytes, context_bytes);
        let mut notes: BTreeSet<String> = self
            .layers
            .iter()
            .flat_map(|layer| layer.notes.clone())
            .collect();
        notes.extend(
            self.layers
                .iter()
                .filter(|layer| layer.shape.is_none() && layer.notes.is_empty())
                .map(|layer| format!("layer {} holds no token", layer.layer_id)),
        );
        for engine in Engine::ALL {
            let tried = points.iter().any(|point| point.engine == Some(engine));
            if !choices.is_empty()
                && tried
                && !choices.iter().any(|choice| choice.engine == Some(engine))
            {
                notes.insert(format!(
                    "{}: none of its formats stays within the limit",
                    engine.name()
                ));
            }
        }
        Explored {
            limit_kind: limit.kind,
            limit: limit.value,
            layers_with_queries: layers.iter().filter(|layer| layer.queries > 0).count(),
            layers: layers.len(),
            tokens: layers.iter().map(|layer| layer.tokens).max().unwrap_or(0),
            raw_bytes,
            context_length: self.settings.context_length,
            context_bytes,
            kl_by_attention_error: KL_BY_ATTENTION_ERROR,
            kl_factor: KL_FACTOR,
            front: choose::fronts(&points, limit, values, raw_bytes),
            facts: facts(&points, &choices, &layer_rows),
            steps: self.steps(limit, &points),
            is_final: choices.iter().any(|choice| choice.written),
            choices,
            layer_rows,
            points,
            notes: notes.into_iter().collect(),
        }
    }

    /// The choices that were looked at closely, in all measured layers.
    fn choices(
        &self,
        limit: Limit,
        raw_bytes: u64,
        context_bytes: u64,
    ) -> (Vec<Chosen>, Vec<LayerRow>) {
        let (mut choices, mut rows) = (Vec::new(), Vec::new());
        let closely: Vec<&LayerFound> = self
            .closely
            .iter()
            .flat_map(|layers| measured(layers))
            .collect();
        if closely.is_empty() || closely.len() < measured(&self.layers).count() {
            return (choices, rows);
        }
        for planned in &self.planned {
            let made: Vec<Chosen> = planned
                .pairs
                .iter()
                .filter_map(|&pair| {
                    self.choice(planned, pair, &closely, limit, raw_bytes, context_bytes)
                })
                .collect();
            let within = made.iter().position(|choice| choice.within_limit);
            let Some(place) = within.or(made.len().checked_sub(1)) else {
                continue;
            };
            let pair = planned.pairs[place];
            for layer in &closely {
                let found = layer
                    .confirmed
                    .iter()
                    .find(|confirmed| confirmed.pair == pair);
                rows.extend(found.map(|confirmed| layer_row(choices.len(), layer, confirmed)));
            }
            choices.push(made[place].clone());
        }
        (choices, rows)
    }

    fn choice(
        &self,
        planned: &Planned,
        pair: usize,
        closely: &[&LayerFound],
        limit: Limit,
        raw_bytes: u64,
        context_bytes: u64,
    ) -> Option<Chosen> {
        let confirmed: Vec<&Confirmed> = closely
            .iter()
            .map(|layer| {
                layer
                    .confirmed
                    .iter()
                    .find(|confirmed| confirmed.pair == pair)
            })
            .collect::<Option<_>>()?;
        let Pair { k, v } = &self.pairs[pair];
        let errors =
            [0, 1].map(|side| mean(confirmed.iter().map(|confirmed| &confirmed.errors[side])));
        let with: Vec<f64> = confirmed
            .iter()
            .filter_map(|confirmed| Some(confirmed.attention.as_ref()?.total()))
            .collect();
        let attention_error =
            (!with.is_empty()).then(|| with.iter().sum::<f64>() / with.len() as f64);
        let bytes = [0, 1].map(|side| {
            confirmed
                .iter()
                .map(|confirmed| confirmed.bytes[side])
                .sum::<u64>()
        });
        let stored = bytes[0] + bytes[1];
        let index = errors[0].index() + errors[1].index();
        let error = match limit.kind {
            LimitKind::Attention => attention_error.unwrap_or(f64::INFINITY),
            LimitKind::Cosine => limit.together(1.0 - errors[0].cosine, 1.0 - errors[1].cosine),
            _ => index,
        };
        let dtype = closely
            .first()
            .and_then(|layer| layer.shape)
            .map_or(Dtype::F16, |(_, dtype)| dtype);
        let flags = match (k.flag(Kv::K, dtype), v.flag(Kv::V, dtype)) {
            (Some(k), Some(v)) if k == v => Some(k),
            (Some(k), Some(v)) => Some(format!("{k} {v}")),
            _ => None,
        };
        let keeps = k.keeps_tokens || v.keeps_tokens;
        Some(Chosen {
            class: planned.class,
            engine: planned.engine,
            lossless: planned.lossless,
            k: k.name.clone(),
            v: v.name.clone(),
            flags,
            sinks: if keeps { self.settings.sinks } else { 0 },
            recent: if keeps { self.settings.recent } else { 0 },
            bytes,
            ratio: raw_bytes as f64 / stored.max(1) as f64,
            context_bytes: (context_bytes as f64 * stored as f64 / raw_bytes.max(1) as f64) as u64,
            errors,
            index,
            attention_error,
            estimated_kl: attention_error.map(|error| error * KL_BY_ATTENTION_ERROR),
            within_limit: planned.lossless || error <= limit.most(),
            written: confirmed.iter().all(|confirmed| confirmed.written),
        })
    }

    /// The ratio that the coded scheme reaches with its steps turned on one by one, K and V each at the cosine; before it the reference's best.
    fn steps(&self, limit: Limit, points: &[Point]) -> Vec<StepGain> {
        let cosine = if limit.kind == LimitKind::Cosine {
            limit.value
        } else {
            STEPS_COSINE
        };
        let gain = |step, ratio| StepGain {
            step,
            ratio,
            cosine,
        };
        let of = |stage: Stage| {
            let found: Vec<_> = self
                .closely
                .iter()
                .flatten()
                .flat_map(|layer| &layer.steps)
                .filter(|point| point.stage == stage)
                .collect();
            let (mut stored, mut raw) = (0.0, 0.0);
            for side in 0..2 {
                let mut grid: Vec<(f64, f64)> = Vec::new();
                for step in 0..self.settings.steps.len() {
                    let at: Vec<_> = found
                        .iter()
                        .filter(|point| point.side == side && point.step == step)
                        .collect();
                    let bytes: u64 = at.iter().map(|point| point.bytes).sum();
                    let error =
                        at.iter().map(|point| point.error).sum::<f64>() / at.len().max(1) as f64;
                    if bytes > 0 {
                        grid.push((error, bytes as f64));
                    }
                }
                stored += at_error(&grid, 1.0 - cosine)?;
                raw += found
                    .iter()
                    .filter(|point| point.side == side && point.step == 0)
                    .map(|point| point.raw_bytes as f64)
                    .sum::<f64>();
            }
            Some(gain(stage.label(), raw / stored))
        };
        let coded: Vec<StepGain> = Stage::ALL.into_iter().filter_map(of).collect();
        if coded.is_empty() {
            return coded;
        }
        let best = |kv: Kv| {
            let fits = points.iter().filter(|point| {
                point.class == Class::Reference
                    && !point.packed
                    && point.tensor == kv
                    && point.errors.cosine >= cosine
            });
            fits.map(|point| point.ratio).max_by(f64::total_cmp)
        };
        let reference = match (best(Kv::K), best(Kv::V)) {
            (Some(k), Some(v)) => Some(gain("the reference's best", 2.0 / (1.0 / k + 1.0 / v))),
            _ => None,
        };
        reference.into_iter().chain(coded).collect()
    }
}

/// Bytes at an error, between two points of a grid (error, bytes) in the logarithms; nothing beyond its ends.
fn at_error(grid: &[(f64, f64)], error: f64) -> Option<f64> {
    let pair = grid
        .windows(2)
        .find(|pair| pair[0].0 <= error && error <= pair[1].0 && pair[0].0 > 0.0)?;
    let [(e0, b0), (e1, b1)] = [pair[0], pair[1]];
    let t = if e1 > e0 {
        (error / e0).ln() / (e1 / e0).ln()
    } else {
        0.0
    };
    Some((b0.ln() * (1.0 - t) + b1.ln() * t).exp())
}

fn layer_row(choice: usize, layer: &LayerFound, confirmed: &Confirmed) -> LayerRow {
    let worst = confirmed.attention.as_ref().and_then(|errors| {
        let heads = errors.error.iter().zip(&errors.square).enumerate();
        let each = heads
            .filter(|(_, (_, square))| **square > 0.0)
            .map(|(head, (error, square))| (head, error / square));
        each.max_by(|a, b| a.1.total_cmp(&b.1))
    });
    LayerRow {
        choice,
        run: layer.run.clone(),
        layer_id: layer.layer_id,
        bytes: confirmed.bytes,
        raw_bytes: layer.raw_bytes,
        errors: confirmed.errors,
        attention_error: confirmed.attention.as_ref().map(|errors| errors.total()),
        worst_head: worst,
    }
}
