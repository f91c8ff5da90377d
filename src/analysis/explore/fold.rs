//! The fold of explore. The layers of a dump are read three times; the fold takes in results, decides which pairs are measured again and
//! which of them are written, and makes the report.

use super::candidate::{Candidate, Class, Engine, field};
use super::choose::{self, Limit};
use super::explored::{
    Chosen, Explored, KL_BY_ATTENTION_ERROR, KL_FACTOR, LayerRow, Point, StepGain,
};
use super::facts::facts;
use super::files::files;
use super::found::{Confirmed, LayerFound, Pair, Written};
use super::known::Known;
use super::measure::{Look, measure};
use super::plan::{Planned, plan};
use super::points::{mean, measured, points};
use super::refine::refined;
use super::settings::{ExploreSettings, LimitKind};
use super::steps::{AROUND, Stage};
use crate::analysis::error::MeasureError;
use crate::analysis::report::{CaptureInfo, Report};
use crate::analysis::unit::{Analysis, Fold, Unit, Units};
use crate::metrics::TokenErrors;
use crate::tensor::{Dtype, Kv};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Number of layers on which the coded scheme's steps are compared.
const SAMPLED_LAYERS: usize = 3;

/// The cosine at which steps are compared if the limit is on another error.
const STEPS_COSINE: f64 = 0.999;

/// Explore, on one pass over the dump.
pub struct Explore {
    settings: ExploreSettings,
    look: Look,
    known: Arc<Known>,
}

impl Explore {
    /// The first pass.
    pub fn new(settings: ExploreSettings) -> Self {
        let candidates = field(&settings.classes, &settings.steps, settings.keep_in_all);
        Self {
            settings,
            look: Look::Field(candidates),
            known: Arc::default(),
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

    fn passes(&self) -> &'static [f64] {
        &[0.6, 0.2, 0.2]
    }

    fn measure(&self, unit: &Unit) -> Result<LayerFound, MeasureError> {
        measure(unit, &self.settings, &self.look, &self.known)
    }

    fn fold(&self, _: &str) -> Box<dyn Fold<LayerFound>> {
        let candidates = match &self.look {
            Look::Field(candidates) => candidates.clone(),
            Look::Pairs(..) | Look::Chosen { .. } => Vec::new(),
        };
        Box::new(ExploreFold::new(
            self.settings.clone(),
            candidates,
            Arc::clone(&self.known),
        ))
    }
}

/// Results so far, of all passes.
#[derive(Clone)]
pub struct ExploreFold {
    settings: ExploreSettings,
    candidates: Vec<Candidate>,
    layers: Vec<LayerFound>,
    planned: Vec<Planned>,
    pairs: Vec<Pair>,
    /// Layers of the second pass.
    closely: Option<Vec<LayerFound>>,
    /// For each choice, the index of its pair.
    chosen: Vec<usize>,
    /// Indices of the pairs that are first measured when they are written.
    refined: BTreeSet<usize>,
    /// Layers of the third pass.
    written: Option<Vec<LayerFound>>,
    /// What the passes share.
    known: Arc<Known>,
}

impl Fold<LayerFound> for ExploreFold {
    fn push(&mut self, found: LayerFound) {
        let layers = match (&mut self.written, &mut self.closely) {
            (Some(written), _) => written,
            (None, Some(closely)) => closely,
            (None, None) => &mut self.layers,
        };
        layers.push(found);
    }

    fn again(&mut self) -> Option<Arc<dyn Analysis<Found = LayerFound>>> {
        let look = match (&self.written, &self.closely) {
            (Some(_), _) => return None,
            (None, Some(_)) => self.look_at_chosen()?,
            (None, None) => self.look_at_pairs()?,
        };
        Some(Arc::new(Explore {
            settings: self.settings.clone(),
            look,
            known: Arc::clone(&self.known),
        }))
    }

    fn so_far(&self, waiting: &[&LayerFound]) -> Option<Report> {
        if self.closely.is_some() || waiting.is_empty() {
            measured(&self.layers).next()?;
            return Some(self.report(self.explored()));
        }
        let mut sooner = self.clone();
        sooner.layers.extend(waiting.iter().copied().cloned());
        sooner.so_far(&[])
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
    /// A fold without results.
    pub fn new(settings: ExploreSettings, candidates: Vec<Candidate>, known: Arc<Known>) -> Self {
        Self {
            settings,
            candidates,
            layers: Vec::new(),
            planned: Vec::new(),
            pairs: Vec::new(),
            closely: None,
            chosen: Vec::new(),
            refined: BTreeSet::new(),
            written: None,
            known,
        }
    }

    /// Plans the second pass: the pairs to measure again, once every candidate was tried.
    fn look_at_pairs(&mut self) -> Option<Look> {
        let limit = self.limit();
        let points = points(&self.candidates, &self.layers, &self.settings);
        let offers = Kv::BOTH.map(|kv| choose::options(&points, kv, limit));
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
        let cosine = self.steps_cosine(limit);
        Some(Look::Pairs(self.pairs.clone(), cosine, sampled))
    }

    /// Plans the third pass, which writes one pair for each choice: its smallest pair that keeps within the limit or, for the coded scheme,
    /// a pair that uses up the limit.
    fn look_at_chosen(&mut self) -> Option<Look> {
        let limit = self.limit();
        self.take_from_the_field();
        let closely = self.closely()?;
        let keeps = |&pair: &usize| {
            let figures = figures(pair, &closely);
            figures.is_some_and(|figures| figures.error(limit) <= limit.max_error())
        };
        let choice = |planned: &Planned| {
            let within = planned
                .pairs
                .iter()
                .find(|pair| planned.lossless || keeps(pair));
            within.or(planned.pairs.last()).copied()
        };
        let between = |planned: &Planned| {
            let measured = planned.pairs.iter().map(|&pair| {
                let figures = figures(pair, &closely)?;
                Some((&self.pairs[pair], figures.limited(limit)))
            });
            refined(&measured.collect::<Option<Vec<_>>>()?, limit)
        };
        let chosen: Vec<(Option<usize>, Option<Pair>)> = self
            .planned
            .iter()
            .map(|planned| (choice(planned), between(planned)))
            .collect();
        for (mut place, pair) in chosen {
            if let Some(pair) = pair {
                place = Some(self.pairs.len());
                self.refined.extend(place);
                self.pairs.push(pair);
            }
            self.chosen.extend(place);
        }
        self.written = Some(Vec::new());
        Some(Look::Chosen {
            pairs: self.pairs.clone(),
            chosen: self.chosen.iter().copied().collect(),
            refined: self.refined.clone(),
        })
    }

    /// Copies results of the first pass for pairs that the second pass did not have to measure again.
    fn take_from_the_field(&mut self) {
        let candidates = &self.candidates;
        let of = |layer: &LayerFound, candidate: &Candidate, kv: Kv| {
            let place = candidates.iter().position(|known| known == candidate)?;
            let mut tried = layer.tried.iter();
            tried
                .find(|tried| tried.candidate == place && tried.kv == kv)
                .cloned()
        };
        let layers = self.layers.iter();
        for (field, layer) in layers.zip(self.closely.iter_mut().flatten()) {
            for (place, pair) in self.pairs.iter().enumerate() {
                if layer.confirmed.iter().any(|known| known.pair == place) {
                    continue;
                }
                if let (Some(k), Some(v)) = (of(field, &pair.k, Kv::K), of(field, &pair.v, Kv::V)) {
                    layer.confirmed.push(Confirmed {
                        pair: place,
                        bytes: [k.bytes, v.bytes],
                        errors: [k.errors, v.errors],
                        attention: None,
                    });
                }
            }
        }
    }

    /// The layers of the second pass, once all of them are measured.
    fn closely(&self) -> Option<Vec<&LayerFound>> {
        let closely: Vec<&LayerFound> = measured(self.closely.as_ref()?).collect();
        let complete = !closely.is_empty() && closely.len() >= measured(&self.layers).count();
        complete.then_some(closely)
    }

    /// The cosine at which the coded scheme's steps are compared.
    fn steps_cosine(&self, limit: Limit) -> f64 {
        if limit.kind == LimitKind::Cosine {
            limit.value
        } else {
            STEPS_COSINE
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
        let sum = |of: fn(&LayerFound) -> [u64; 2]| {
            Kv::BOTH.map(|kv| layers.iter().map(|layer| of(layer)[kv]).sum::<u64>())
        };
        let amount = choose::Amount {
            values: sum(|layer| layer.values),
            raw_bytes: sum(|layer| layer.raw_bytes),
        };
        let raw_bytes = amount.raw_bytes.iter().sum();
        let per_token: f64 = layers
            .iter()
            .map(|layer| layer.raw_bytes.iter().sum::<u64>() as f64 / layer.tokens.max(1) as f64)
            .sum();
        // A context belongs to one run, so the sizes are divided by the number of runs.
        let runs = layers.iter().map(|layer| layer.run.as_str());
        let runs = runs.collect::<BTreeSet<&str>>().len();
        let context_bytes =
            (per_token * self.settings.context_length as f64 / runs.max(1) as f64) as u64;
        let (choices, layer_rows) = self.choices(limit, raw_bytes, context_bytes);
        Explored {
            limit_kind: limit.kind,
            limit: limit.value,
            layers_with_queries: layers.iter().filter(|layer| layer.queries > 0).count(),
            layers: layers.len(),
            runs,
            tokens: layers.iter().map(|layer| layer.tokens).max().unwrap_or(0),
            raw_bytes,
            context_length: self.settings.context_length,
            context_bytes,
            kl_by_attention_error: KL_BY_ATTENTION_ERROR,
            kl_factor: KL_FACTOR,
            front: choose::fronts(&points, limit, amount),
            facts: facts(&points, &choices, &layer_rows),
            steps: self.steps(limit, &points, amount.raw_bytes),
            is_final: choices.iter().any(|choice| choice.written),
            notes: self.notes(&points, &choices),
            choices,
            layer_rows,
            points,
        }
    }

    /// What was left out, by layer or by engine.
    fn notes(&self, points: &[Point], choices: &[Chosen]) -> Vec<String> {
        let mut notes: BTreeSet<String> = self
            .layers
            .iter()
            .flat_map(|layer| layer.notes.clone())
            .collect();
        notes.extend(
            self.layers
                .iter()
                .filter(|layer| layer.dtype.is_none() && layer.notes.is_empty())
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
        notes.into_iter().collect()
    }

    /// The choices, once they are written in all measured layers.
    fn choices(
        &self,
        limit: Limit,
        raw_bytes: u64,
        context_bytes: u64,
    ) -> (Vec<Chosen>, Vec<LayerRow>) {
        let (mut choices, mut rows) = (Vec::new(), Vec::new());
        let (Some(closely), Some(written)) = (self.closely(), &self.written) else {
            return (choices, rows);
        };
        let written: Vec<&LayerFound> = measured(written).collect();
        if written.len() < closely.len() {
            return (choices, rows);
        }
        for (planned, &pair) in self.planned.iter().zip(&self.chosen) {
            let closely = match self.refined.contains(&pair) {
                true => &written,
                false => &closely,
            };
            let Some(mut figures) = figures(pair, closely) else {
                continue;
            };
            let files: Option<Vec<&Written>> = written
                .iter()
                .map(|layer| layer.written.iter().find(|written| written.pair == pair))
                .collect();
            if let Some(files) = &files {
                figures.bytes = Kv::BOTH.map(|kv| files.iter().map(|file| file.bytes[kv]).sum());
                figures.errors = Kv::BOTH.map(|kv| mean(files.iter().map(|file| &file.errors[kv])));
            }
            for (place, layer) in closely.iter().enumerate() {
                let confirmed = layer
                    .confirmed
                    .iter()
                    .find(|confirmed| confirmed.pair == pair);
                let file = files.as_ref().map(|files| files[place]);
                rows.extend(
                    confirmed.map(|confirmed| layer_row(choices.len(), layer, confirmed, file)),
                );
            }
            let within_limit = planned.lossless || figures.error(limit) <= limit.max_error();
            let Pair { k, v } = &self.pairs[pair];
            let stored = figures.bytes[0] + figures.bytes[1];
            let dtype = closely
                .first()
                .and_then(|layer| layer.dtype)
                .unwrap_or(Dtype::F16);
            let flags = match (k.flag(Kv::K, dtype), v.flag(Kv::V, dtype)) {
                (Some(k), Some(v)) if k == v => Some(k),
                (Some(k), Some(v)) => Some(format!("{k} {v}")),
                _ => None,
            };
            let keeps = k.keeps_tokens || v.keeps_tokens;
            let share = stored as f64 / raw_bytes.max(1) as f64;
            choices.push(Chosen {
                class: planned.class,
                engine: planned.engine,
                lossless: planned.lossless,
                k: k.name.clone(),
                v: v.name.clone(),
                flags,
                sinks: if keeps { self.settings.sinks } else { 0 },
                recent: if keeps { self.settings.recent } else { 0 },
                bytes: figures.bytes,
                ratio: raw_bytes as f64 / stored.max(1) as f64,
                context_bytes: (context_bytes as f64 * share) as u64,
                errors: figures.errors,
                index: figures.index(),
                attention_error: figures.attention,
                estimated_kl: figures.attention.map(|error| error * KL_BY_ATTENTION_ERROR),
                within_limit,
                written: files.is_some(),
            });
        }
        (choices, rows)
    }

    /// Ratios of the coded scheme with its steps turned on one after another, with K and V each at the cosine; the reference's best ratio
    /// comes first.
    fn steps(&self, limit: Limit, points: &[Point], raw_bytes: [u64; 2]) -> Vec<StepGain> {
        let cosine = self.steps_cosine(limit);
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
            for kv in Kv::BOTH {
                let mut grid: Vec<(f64, f64)> = Vec::new();
                for step in 0..AROUND.len() {
                    let at: Vec<_> = found
                        .iter()
                        .filter(|point| point.kv == kv && point.step == step)
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
                    .filter(|point| point.kv == kv && point.step == 0)
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
            (Some(k), Some(v)) => {
                let [raw_k, raw_v] = raw_bytes.map(|bytes| bytes as f64);
                Some(gain(
                    "best of the four analyses",
                    (raw_k + raw_v) / (raw_k / k + raw_v / v),
                ))
            }
            _ => None,
        };
        reference.into_iter().chain(coded).collect()
    }
}

/// Figures of a pair over all layers.
struct Figures {
    bytes: [u64; 2],
    errors: [TokenErrors; 2],
    attention: Option<f64>,
}

impl Figures {
    fn index(&self) -> f64 {
        self.errors[0].index() + self.errors[1].index()
    }

    /// The limited errors of K and of V; for a limit on both together, their common error twice.
    fn limited(&self, limit: Limit) -> [f64; 2] {
        match limit.kind {
            LimitKind::Cosine => self.errors.map(|errors| 1.0 - errors.cosine),
            LimitKind::Index | LimitKind::Attention | LimitKind::Auto => [self.error(limit); 2],
        }
    }

    /// The limited error of the pair.
    fn error(&self, limit: Limit) -> f64 {
        match limit.kind {
            LimitKind::Attention => self.attention.unwrap_or(f64::INFINITY),
            LimitKind::Cosine => {
                limit.together(1.0 - self.errors[0].cosine, 1.0 - self.errors[1].cosine)
            }
            LimitKind::Index | LimitKind::Auto => self.index(),
        }
    }
}

/// Figures of a pair, if all these layers measured it.
fn figures(pair: usize, closely: &[&LayerFound]) -> Option<Figures> {
    let of = |layer: &&LayerFound| -> Option<Confirmed> {
        let mut confirmed = layer.confirmed.iter();
        confirmed.find(|confirmed| confirmed.pair == pair).cloned()
    };
    let confirmed: Vec<Confirmed> = closely.iter().map(of).collect::<Option<_>>()?;
    let with: Vec<f64> = confirmed
        .iter()
        .filter_map(|confirmed| Some(confirmed.attention.as_ref()?.total()))
        .collect();
    Some(Figures {
        bytes: Kv::BOTH.map(|kv| confirmed.iter().map(|layer| layer.bytes[kv]).sum()),
        errors: Kv::BOTH.map(|kv| mean(confirmed.iter().map(|layer| &layer.errors[kv]))),
        attention: (!with.is_empty()).then(|| with.iter().sum::<f64>() / with.len() as f64),
    })
}

/// Bytes at an error, on the line in logarithms through two points (error, bytes).
fn at_error(points: &[(f64, f64)], error: f64) -> Option<f64> {
    let &[(e0, b0), (e1, b1)] = points else {
        return None;
    };
    if !(e1 > e0 && e0 > 0.0 && error > 0.0) {
        return None;
    }
    let t = libm::log(error / e0) / libm::log(e1 / e0);
    // Far from both points the line is not reliable.
    let near = (-2.0..=3.0).contains(&t);
    near.then(|| choose::on_line(b0, b1, t))
}

fn layer_row(
    choice: usize,
    layer: &LayerFound,
    confirmed: &Confirmed,
    written: Option<&Written>,
) -> LayerRow {
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
        bytes: written.map_or(confirmed.bytes, |written| written.bytes),
        raw_bytes: layer.raw_bytes.iter().sum(),
        errors: written.map_or(confirmed.errors, |written| written.errors),
        attention_error: confirmed.attention.as_ref().map(|errors| errors.total()),
        worst_head: worst,
    }
}
