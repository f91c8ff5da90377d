//! The coarsest steps of `tkc` that keep within a limit of error, and the split of it between K and V that takes least; or what else is
//! smaller.
//!
//! Errors grow about as the square of the step, and those of K and of V add up, so each is measured alone: a few times on a few layers,
//! then once on all layers at three steps between which the right one lies. Only that one is measured with both changed and all queries.

use super::error::PackError;
use super::layers::{BATCH, Layer, layers};
use super::measure::{self, Measured, OfLayer, OfSide};
use super::method::{Method, PackOptions};
use super::part;
use crate::dump::Dump;
use crate::metrics::Queries;
use crate::par;
use crate::scheme::{Kv, Prepared, Scheme, Tkc};
use crate::tensor::Tensor;

/// What must not be passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// The cosine of K and of V, each: no less.
    MinCosine(f64),
    /// The index of K plus that of V: no more.
    MaxIndex(f64),
    /// The attention error: no more.
    MaxAttentionError(f64),
}

impl Limit {
    /// How many times the limit the errors are: for cosines those of K and of V, else of both together, twice.
    fn shares(self, errors: &Measured) -> Result<[f64; 2], PackError> {
        let both = |share: f64| [share; 2];
        Ok(match self {
            Self::MinCosine(least) => [errors.k, errors.v]
                .map(|side| (1.0 - side.least_cosine()) / (1.0 - least).max(1e-12)),
            Self::MaxIndex(most) => both((errors.k.index + errors.v.index) / most.max(1e-12)),
            Self::MaxAttentionError(most) => {
                both(errors.attention.ok_or(PackError::NoQueries)? / most.max(1e-12))
            }
        })
    }

    /// How many times the limit the error of K or V alone is.
    pub(super) fn share_of(self, side: &OfSide) -> Result<f64, PackError> {
        Ok(match self {
            Self::MinCosine(least) => (1.0 - side.errors.least_cosine()) / (1.0 - least).max(1e-12),
            Self::MaxIndex(most) => side.errors.index / most.max(1e-12),
            Self::MaxAttentionError(most) => {
                side.attention.ok_or(PackError::NoQueries)? / most.max(1e-12)
            }
        })
    }

    /// Whether K and V each have all of the limit.
    fn is_for_each(self) -> bool {
        matches!(self, Self::MinCosine(_))
    }
}

/// Layers of the first tries.
const FEW: usize = 4;

/// Tries on a few layers.
const TRIES: usize = 4;

/// Queries of a layer with which K and V alone are tried: every so many of all that there are.
const FEW_QUERIES: usize = 16;

/// The steps that all layers are tried at, by the step that a few layers have led to.
const AROUND: [f64; 3] = [0.92, 1.0, 1.08];

/// How much of the limit is aimed at, so that what is rounded still holds.
const AIM: f64 = 0.998;

/// Enough of the limit used.
const CLOSE: f64 = 0.985;

/// Tries of the pair on all layers.
const FULL_TRIES: usize = 4;

/// Tries after these while none of them has kept within the limit, and how much lower each of them aims than the one before.
const MORE_TRIES: usize = 8;
const LOWER: f64 = 0.8;

/// Shares of the limit that K may have of what K and V have together.
const SPLITS: [f64; 5] = [0.3, 0.4, 0.5, 0.6, 0.7];

/// The step to start with.
const START: f64 = 0.1;

/// Finer steps than this are no use: values are stored losslessly then.
const MIN_STEP: f64 = 2e-4;
const MAX_STEP: f64 = 8.0;

/// Errors and bytes of what is tried on K (0) or V (1).
type Tries<'a> =
    dyn Fn(usize, &Tensor, &[f32], &dyn Fn(&[f32]) -> OfSide) -> Vec<(OfSide, u64)> + Sync + 'a;

/// A search for the smallest within a limit.
pub struct Search<'a> {
    pub(super) dump: &'a Dump,
    pub(super) layers: Vec<Layer>,
    base: Tkc,
    pub(super) options: PackOptions,
    pub(super) limit: Limit,
}

/// How much of the work is done.
pub(super) struct Progress<'a> {
    go_on: &'a mut dyn FnMut(f64) -> bool,
    work: f64,
    done: f64,
}

impl Progress<'_> {
    /// So many layers are begun.
    pub fn layers(&mut self, count: usize) -> Result<(), PackError> {
        if !(self.go_on)((self.done / self.work).min(1.0)) {
            return Err(PackError::Cancelled);
        }
        self.done += count as f64;
        Ok(())
    }
}

/// A step of K or V, and how many times the limit its error alone is.
#[derive(Clone, Copy, Debug)]
struct Try {
    step: f64,
    share: f64,
    /// Stored, where it was counted.
    bytes: u64,
}

impl<'a> Search<'a> {
    /// Searches the steps of `base`; sinks and recent tokens are those of the options.
    ///
    /// # Errors
    /// When there is no capture.
    pub fn new(
        dump: &'a Dump,
        base: Tkc,
        options: &PackOptions,
        limit: Limit,
    ) -> Result<Self, PackError> {
        let layers = layers(dump);
        if layers.is_empty() {
            return Err(PackError::Nothing);
        }
        Ok(Self {
            dump,
            layers,
            base,
            options: options.clone(),
            limit,
        })
    }

    /// Finds the methods of K and V, and what their errors will be. `go_on` is told how much is done, of 1, and says whether to go on.
    ///
    /// # Errors
    /// When a capture can't be read, or the limit needs queries that are not there, or it is not to go on.
    pub fn run(
        &self,
        go_on: &mut dyn FnMut(f64) -> bool,
    ) -> Result<(PackOptions, Measured), PackError> {
        let all: Vec<&Layer> = self.layers.iter().collect();
        let few = spread(&all);
        let mut progress = Progress {
            go_on,
            work: ((TRIES + 1) * few.len() + 3 * all.len()) as f64,
            done: 0.0,
        };
        if matches!(self.limit, Limit::MinCosine(least) if least >= 1.0) {
            return self.lossless(&all, &mut progress);
        }
        let mut wanted = [if self.limit.is_for_each() { 1.0 } else { 0.5 }; 2];
        let mut steps = [START; 2];
        for turn in 0..TRIES {
            let last = turn + 1 == TRIES && !self.limit.is_for_each();
            let tried = match last {
                false => self.alone(&few, steps, &[1.0], false, &mut progress)?,
                // What each split of the limit takes.
                true => {
                    let factors = SPLITS.map(|split| (split / 0.5).sqrt());
                    self.alone(&few, steps, &factors, true, &mut progress)?
                }
            };
            if last {
                let best = best_split(&tried);
                wanted = [SPLITS[best], 1.0 - SPLITS[best]];
                steps = [tried[0][best].step, tried[1][SPLITS.len() - 1 - best].step];
            } else {
                for side in 0..2 {
                    steps[side] = towards(&tried[side], wanted[side]);
                }
            }
        }
        let tried = self.alone(&all, steps, &AROUND, false, &mut progress)?;
        for side in 0..2 {
            steps[side] = towards(&tried[side], wanted[side] * AIM);
        }
        let mut best: Option<([f64; 2], Measured)> = None;
        let mut aim = AIM;
        for attempt in 1..=FULL_TRIES + MORE_TRIES {
            steps = steps.map(rounded);
            let method = |step| Method::Scheme(Scheme::Tkc(Tkc { step, ..self.base }));
            let measured = self.measure(&all, &steps.map(method), &mut progress)?;
            let shares = self.limit.shares(&measured)?;
            let holds = shares.iter().all(|share| *share <= 1.0);
            if holds
                && best
                    .as_ref()
                    .is_none_or(|(found, _)| found[0] * found[1] <= steps[0] * steps[1])
            {
                best = Some((steps, measured));
            }
            if shares.iter().all(is_close) || steps.iter().all(|step| *step <= MIN_STEP) {
                break;
            }
            if attempt >= FULL_TRIES {
                if best.is_some() {
                    break;
                }
                // Errors that grow slower than the square come down to the limit without getting below it.
                aim *= LOWER;
            }
            steps = next_steps(steps, shares, aim);
        }
        let Some((steps, measured)) = best else {
            return self.lossless(&all, &mut progress);
        };
        let coded = steps.map(|step| Method::Scheme(Scheme::Tkc(Tkc { step, ..self.base })));
        let smaller = self.smaller(&few, &coded, &mut progress)?;
        if smaller.iter().any(Option::is_some) {
            let [k, v] = &coded;
            let [other_k, other_v] = smaller;
            let methods = [
                other_k.unwrap_or_else(|| k.clone()),
                other_v.unwrap_or_else(|| v.clone()),
            ];
            let measured = self.measure(&all, &methods, &mut progress)?;
            if self
                .limit
                .shares(&measured)?
                .iter()
                .all(|share| *share <= 1.0)
            {
                return Ok((self.with(methods), measured));
            }
        }
        Ok((self.with(coded), measured))
    }

    /// Everything as it is.
    fn lossless(
        &self,
        layers: &[&Layer],
        progress: &mut Progress,
    ) -> Result<(PackOptions, Measured), PackError> {
        let methods = [Method::Lossless, Method::Lossless];
        let measured = self.measure(layers, &methods, progress)?;
        Ok((self.with(methods), measured))
    }

    /// The options with these methods.
    fn with(&self, [k, v]: [Method; 2]) -> PackOptions {
        PackOptions {
            k,
            v,
            ..self.options.clone()
        }
    }

    /// K alone and V alone at the steps times each of the factors.
    fn alone(
        &self,
        layers: &[&Layer],
        steps: [f64; 2],
        factors: &[f64],
        counted: bool,
        progress: &mut Progress,
    ) -> Result<[Vec<Try>; 2], PackError> {
        let steps = steps.map(|step| {
            let step = |factor: &f64| rounded(step * factor);
            factors.iter().map(step).collect::<Vec<f64>>()
        });
        let mut found: Vec<[Vec<(OfSide, u64)>; 2]> = Vec::new();
        for batch in layers.chunks(BATCH) {
            progress.layers(batch.len())?;
            let batch = par::map(batch, &|layer: &&Layer| {
                self.layer_alone(layer, &steps, counted)
            });
            found.extend(batch.into_iter().collect::<Result<Vec<_>, _>>()?);
        }
        let side = |side: usize| {
            let tries = steps[side].iter().enumerate().map(|(place, &step)| {
                let of = found.iter().map(|layer| layer[side][place].0);
                let bytes = found.iter().map(|layer| layer[side][place].1).sum();
                let share = self.limit.share_of(&measure::mean_of_sides(of))?;
                Ok(Try { step, share, bytes })
            });
            tries.collect::<Result<Vec<Try>, PackError>>()
        };
        Ok([side(0)?, side(1)?])
    }

    fn layer_alone(
        &self,
        layer: &Layer,
        steps: &[Vec<f64>; 2],
        counted: bool,
    ) -> Result<[Vec<(OfSide, u64)>; 2], PackError> {
        self.each_alone(layer, &|side, _, values, errors| {
            let prepared = self.prepared(layer, side, values, steps[side][0]);
            let steps = steps[side].iter();
            steps
                .map(|&step| {
                    let bytes = if counted { prepared.count(step) } else { 0 };
                    (errors(&prepared.restore(step)), bytes)
                })
                .collect()
        })
    }

    /// What `tried` finds of K and of V of a layer, each by itself; it is given the tensor, its values, and what tells the errors of
    /// others in their place.
    pub(super) fn each_alone(
        &self,
        layer: &Layer,
        tried: &Tries<'_>,
    ) -> Result<[Vec<(OfSide, u64)>; 2], PackError> {
        let tensors = layer.load(self.dump)?;
        let values = tensors.each_ref().map(Tensor::values);
        let queries = self.few_queries(layer)?;
        let attentions = measure::attentions(layer, &values, &queries);
        let side = |side: usize| {
            let errors = |restored: &[f32]| {
                let values = &values[side];
                measure::side(self.dump, layer, side, values, restored, &attentions)
            };
            tried(side, &tensors[side], &values[side], &errors)
        };
        let (k, v) = par::join(|| side(0), || side(1));
        Ok([k, v])
    }

    /// The errors of these methods.
    fn measure(
        &self,
        layers: &[&Layer],
        methods: &[Method; 2],
        progress: &mut Progress,
    ) -> Result<Measured, PackError> {
        let mut all = Vec::new();
        for batch in layers.chunks(BATCH) {
            progress.layers(batch.len())?;
            let measured = par::map(batch, &|layer: &&Layer| self.of_layer(layer, methods));
            for measured in measured {
                all.push(measured?);
            }
        }
        Ok(measure::means(&all))
    }

    fn of_layer(&self, layer: &Layer, methods: &[Method; 2]) -> Result<OfLayer, PackError> {
        let tensors = layer.load(self.dump)?;
        let values = tensors.each_ref().map(Tensor::values);
        let queries = self.queries(layer, usize::MAX)?;
        let back = |side: usize| self.restored(layer, side, &values[side], &methods[side]);
        let (k, v) = par::join(|| back(0), || back(1));
        Ok(measure::layer(self.dump, layer, &values, &[k, v], &queries))
    }

    /// What comes back of K or V of a layer.
    fn restored(&self, layer: &Layer, side: usize, values: &[f32], method: &Method) -> Vec<f32> {
        match method {
            Method::Lossless => values.to_vec(),
            Method::Scheme(Scheme::Tkc(tkc)) => self
                .prepared(layer, side, values, tkc.step)
                .restore(tkc.step),
            Method::Scheme(scheme) => {
                let recipe = part::recipe(scheme, self.options.sinks, self.recent(layer));
                let about = layer.about([Kv::K, Kv::V][side]);
                recipe.restore(values, &about).values
            }
        }
    }

    /// Last tokens of a layer that stay as they are.
    pub(super) fn recent(&self, layer: &Layer) -> u64 {
        if layer.is_last {
            self.options.recent
        } else {
            0
        }
    }

    /// The queries with which K and V alone are tried.
    fn few_queries(&self, layer: &Layer) -> Result<Vec<Queries>, PackError> {
        self.queries(layer, FEW_QUERIES)
    }

    /// At most so many queries of a layer, where the limit needs them.
    fn queries(&self, layer: &Layer, most: usize) -> Result<Vec<Queries>, PackError> {
        Ok(match self.limit {
            Limit::MaxAttentionError(_) => measure::queries(self.dump, layer)?
                .into_iter()
                .map(|queries| measure::some(queries, most))
                .collect(),
            _ => Vec::new(),
        })
    }

    /// K or V of a layer, made ready for steps near this one.
    fn prepared<'v>(&self, layer: &Layer, side: usize, values: &'v [f32], step: f64) -> Ready<'v> {
        let about = layer.about([Kv::K, Kv::V][side]);
        let tkc = layer.told(Tkc { step, ..self.base });
        let recipe = part::recipe(&Scheme::Tkc(tkc), self.options.sinks, self.recent(layer));
        let (body, inner) = recipe.about_body(&about);
        let token = about.shape.token_elements();
        let range = body.start * token..body.end * token;
        let prepared =
            (!range.is_empty()).then(|| Prepared::new(&values[range.clone()], &inner, &tkc));
        Ready {
            values,
            range,
            prepared,
        }
    }
}

/// K or V of a layer, made ready for rounding; what is not rounded stays.
struct Ready<'v> {
    values: &'v [f32],
    range: std::ops::Range<usize>,
    prepared: Option<Prepared>,
}

impl Ready<'_> {
    /// What will come back at a step.
    fn restore(&self, step: f64) -> Vec<f32> {
        let mut restored = self.values.to_vec();
        if let Some(prepared) = &self.prepared {
            restored[self.range.clone()].copy_from_slice(&prepared.restore(step));
        }
        restored
    }

    /// Bytes of what is rounded.
    fn count(&self, step: f64) -> u64 {
        self.prepared
            .as_ref()
            .map_or(0, |prepared| prepared.count(step))
    }
}

/// Whether a share of the limit is within it and uses enough of it.
fn is_close(share: &f64) -> bool {
    (CLOSE..=1.0).contains(share)
}

/// The steps to try after these, to come to `aim` of the limit. A share within the limit and close to it stays; others move, as if errors
/// grew as the square of the step.
fn next_steps(mut steps: [f64; 2], shares: [f64; 2], aim: f64) -> [f64; 2] {
    for (step, share) in steps.iter_mut().zip(&shares) {
        if !is_close(share) {
            *step *= (aim / share.max(1e-6)).sqrt();
        }
    }
    steps
}

/// A few of the layers, each of another depth and, where there are several runs, of another run. The layers of a run follow each other.
fn spread<'l>(layers: &[&'l Layer]) -> Vec<&'l Layer> {
    let runs = 1
        + (layers.windows(2))
            .filter(|pair| pair[0].run != pair[1].run)
            .count();
    let deep = (layers.len() / runs).max(1);
    let every = deep.div_ceil(FEW);
    (0..FEW)
        .map(|place| (place * runs / FEW, every / 2 + place * every))
        .filter(|(_, depth)| *depth < deep)
        .filter_map(|(run, depth)| layers.get(run * deep + depth).copied())
        .collect()
}

/// The place of the split of the limit that takes least: K at a split's share, V at what is left.
fn best_split(tried: &[Vec<Try>; 2]) -> usize {
    let last = SPLITS.len() - 1;
    let bytes = |place: &usize| tried[0][*place].bytes + tried[1][last - place].bytes;
    (0..=last).min_by_key(bytes).unwrap_or(last / 2)
}

/// The step at which the share will be the wanted one: on the line through the nearest tries in the logarithms, or by the square.
fn towards(tried: &[Try], wanted: f64) -> f64 {
    let ln = |x: f64| x.max(1e-12).ln();
    let Some(nearest) = tried.iter().min_by(|a, b| {
        (ln(a.share) - ln(wanted))
            .abs()
            .total_cmp(&(ln(b.share) - ln(wanted)).abs())
    }) else {
        return START;
    };
    let others = tried.iter().filter(|other| other.step != nearest.step);
    let other = others.min_by(|a, b| {
        let apart = |other: &Try| (ln(other.share) - ln(wanted)).abs();
        apart(a).total_cmp(&apart(b))
    });
    let slope = other.map_or(2.0, |other| {
        (ln(other.share) - ln(nearest.share)) / (ln(other.step) - ln(nearest.step))
    });
    let slope = if slope.is_finite() {
        slope.clamp(1.0, 3.0)
    } else {
        2.0
    };
    let step = nearest.step * ((ln(wanted) - ln(nearest.share)) / slope).exp();
    step.clamp(MIN_STEP, MAX_STEP)
}

/// In four digits, rounded down: what a user can type.
fn rounded(step: f64) -> f64 {
    let step = step.clamp(MIN_STEP, MAX_STEP);
    let digits = 10f64.powi(3 - step.log10().floor() as i32);
    (step * digits).floor() / digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::{Dtype, Shape};

    #[test]
    fn the_first_tries_see_layers_of_every_depth_in_several_runs_too() {
        let shape = Shape {
            seq_len: 1,
            kv_heads: 1,
            head_dim: 8,
        };
        let depths = |runs: usize, deep: i64| -> Vec<i64> {
            let layer = |place: i64| Layer {
                run: (place / deep).to_string(),
                id: place % deep,
                position: 0,
                shape,
                v_shape: shape,
                dtype: Dtype::F16,
                captures: Vec::new(),
                is_last: true,
                rope_theta: None,
            };
            let layers: Vec<Layer> = (0..runs as i64 * deep).map(layer).collect();
            let few = spread(&layers.iter().collect::<Vec<_>>());
            few.iter().map(|layer| layer.id).collect()
        };
        assert_eq!(depths(1, 30), [4, 12, 20, 28]);
        assert_eq!(depths(8, 5), [1, 3]);
        assert_eq!(depths(3, 30), [4, 12, 20, 28]);
        assert_eq!((depths(1, 1), depths(5, 1)), (vec![0], vec![0]));
    }
}
