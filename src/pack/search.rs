//! Searches for the coarsest steps of `tkc` within an error limit, and the split of the limit between K and V that takes the fewest bytes;
//! another method is used if it is smaller.
//!
//! Errors grow about as the square of the step, and those of K and V add up. So each is measured alone: several times on a few layers, then
//! once on all layers at three steps around the right one. Only the result is measured with both replaced and with all queries.

use super::error::PackError;
use super::layers::{BATCH, Layer, layers};
use super::limit::{Limit, holds, is_close};
use super::measure::{self, Measured, OfLayer, OfSide};
use super::method::{Method, PackOptions};
use super::part;
use super::steps::{MIN_STEP, SPLITS, START, Try, best_split, next_steps, rounded, towards};
use crate::dump::Dump;
use crate::metrics::Queries;
use crate::par;
use crate::scheme::{Prepared, Scheme, Tkc};
use crate::tensor::{Kv, Tensor};

/// Number of layers on which the first steps are tried.
const FEW: usize = 4;

/// Number of rounds on those layers.
const TRIES: usize = 4;

/// Number of queries of a layer with which K and V are tried alone, evenly spread over all of them.
const FEW_QUERIES: usize = 16;

/// Steps that are tried on all layers, as factors of the step found on a few.
const AROUND: [f64; 3] = [0.92, 1.0, 1.08];

/// Share of the limit to aim at, so that rounded steps still keep it.
const AIM: f64 = 0.998;

/// Largest number of attempts with both steps on all layers.
const FULL_TRIES: usize = 4;

/// Largest number of further attempts while none has kept within the limit, and the factor by which each aims lower than the one before.
const MORE_TRIES: usize = 8;
const LOWER: f64 = 0.8;

/// A function that tries methods on K or V and returns their errors and bytes.
type Tries<'a> =
    dyn Fn(Kv, &Tensor, &[f32], &dyn Fn(&[f32]) -> OfSide) -> Vec<(OfSide, u64)> + Sync + 'a;

/// A search for the smallest file within a limit.
pub struct Search<'a> {
    pub(super) dump: &'a Dump,
    pub(super) layers: Vec<Layer>,
    base: Tkc,
    pub(super) options: PackOptions,
    pub(super) limit: Limit,
}

/// Progress of a search.
pub(super) struct Progress<'a> {
    go_on: &'a mut dyn FnMut(f64) -> bool,
    work: f64,
    done: f64,
}

impl Progress<'_> {
    /// Reports that work on `count` layers starts; fails when the search was cancelled.
    pub fn layers(&mut self, count: usize) -> Result<(), PackError> {
        if !(self.go_on)((self.done / self.work).min(1.0)) {
            return Err(PackError::Cancelled);
        }
        self.done += count as f64;
        Ok(())
    }
}

impl<'a> Search<'a> {
    /// A search over the steps of `base`; sinks and recent tokens are those of `options`.
    ///
    /// # Errors
    /// When the dump has no captures.
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

    /// Finds the methods for K and V, and their errors. `go_on` is called with the fraction that is done, 0 to 1, and returns whether to
    /// continue.
    ///
    /// # Errors
    /// When a capture can't be read, the limit needs queries that the dump does not have, or `go_on` returned false.
    pub fn run(
        &self,
        go_on: &mut dyn FnMut(f64) -> bool,
    ) -> Result<(PackOptions, Measured), PackError> {
        let all: Vec<&Layer> = self.layers.iter().collect();
        let few = spread(&self.telling(&all)?);
        let mut progress = Progress {
            go_on,
            work: ((TRIES + 1) * few.len() + 3 * all.len()) as f64,
            done: 0.0,
        };
        if matches!(self.limit, Limit::MinCosine(least) if least >= 1.0) {
            return self.lossless(&all, &mut progress);
        }
        let (steps, wanted) = self.steps_of_few(&few, &mut progress)?;
        let tried = self.alone(&all, steps, &AROUND, false, &mut progress)?;
        let steps = Kv::BOTH.map(|kv| towards(&tried[kv], wanted[kv] * AIM));
        match self.within(&all, steps, &mut progress)? {
            Some((steps, measured)) => {
                let coded = self.coded(steps);
                match self.replaced(&all, &few, &coded, &mut progress)? {
                    Some(found) => Ok(found),
                    None => Ok((self.with(coded), measured)),
                }
            }
            None => self.lossless(&all, &mut progress),
        }
    }

    /// The layers on which the limited error can be measured: for attention errors, those with queries.
    fn telling<'l>(&self, layers: &[&'l Layer]) -> Result<Vec<&'l Layer>, PackError> {
        if !matches!(self.limit, Limit::MaxAttentionError(_)) {
            return Ok(layers.to_vec());
        }
        let mut telling = Vec::new();
        for layer in layers {
            if measure::has_queries(self.dump, layer)? {
                telling.push(*layer);
            }
        }
        match telling.is_empty() {
            true => Err(PackError::NoQueries),
            false => Ok(telling),
        }
    }

    /// The steps at which K and V use up their shares of the limit on a few layers, and those shares.
    fn steps_of_few(
        &self,
        few: &[&Layer],
        progress: &mut Progress,
    ) -> Result<([f64; 2], [f64; 2]), PackError> {
        let wanted = [if self.limit.is_for_each() { 1.0 } else { 0.5 }; 2];
        let mut steps = [START; 2];
        for turn in 0..TRIES {
            if turn + 1 == TRIES && !self.limit.is_for_each() {
                // Tries every split of the limit.
                let factors = SPLITS.map(|split| (split / 0.5).sqrt());
                let [k, v] = self.alone(few, steps, &factors, true, progress)?;
                let best = best_split(&k, &v);
                let steps = [k[best].step, v[SPLITS.len() - 1 - best].step];
                return Ok((steps, [SPLITS[best], 1.0 - SPLITS[best]]));
            }
            let tried = self.alone(few, steps, &[1.0], false, progress)?;
            steps = Kv::BOTH.map(|kv| towards(&tried[kv], wanted[kv]));
        }
        Ok((steps, wanted))
    }

    /// The coarsest steps near these with which the dump keeps within the limit, and its errors; `None` if none were found.
    fn within(
        &self,
        layers: &[&Layer],
        mut steps: [f64; 2],
        progress: &mut Progress,
    ) -> Result<Option<([f64; 2], Measured)>, PackError> {
        let mut best: Option<([f64; 2], Measured)> = None;
        let mut aim = AIM;
        for attempt in 1..=FULL_TRIES + MORE_TRIES {
            steps = steps.map(rounded);
            let measured = self.measure(layers, &self.coded(steps), progress)?;
            let shares = self.limit.shares(&measured)?;
            if holds(shares)
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
        Ok(best)
    }

    /// The coded scheme replaced by methods that are smaller on a few layers; `None` if there are none, or the dump does not keep within the
    /// limit with them.
    fn replaced(
        &self,
        layers: &[&Layer],
        few: &[&Layer],
        coded: &[Method; 2],
        progress: &mut Progress,
    ) -> Result<Option<(PackOptions, Measured)>, PackError> {
        let smaller = self.smaller(few, coded, progress)?;
        if smaller.iter().all(Option::is_none) {
            return Ok(None);
        }
        let [k, v] = coded;
        let [other_k, other_v] = smaller;
        let methods = [
            other_k.unwrap_or_else(|| k.clone()),
            other_v.unwrap_or_else(|| v.clone()),
        ];
        let measured = self.measure(layers, &methods, progress)?;
        let shares = self.limit.shares(&measured)?;
        Ok(holds(shares).then(|| (self.with(methods), measured)))
    }

    /// The coded scheme at the steps of K and V.
    fn coded(&self, steps: [f64; 2]) -> [Method; 2] {
        steps.map(|step| Method::Scheme(Scheme::Tkc(Tkc { step, ..self.base })))
    }

    /// Everything stored losslessly.
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

    /// Tries K alone and V alone, at the steps times each of the factors.
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
        let of = |kv: Kv| {
            let tries = steps[kv].iter().enumerate().map(|(place, &step)| {
                let of = found.iter().map(|layer| layer[kv][place].0);
                let bytes = found.iter().map(|layer| layer[kv][place].1).sum();
                let share = self.limit.share_of(&measure::mean_of_sides(of))?;
                Ok(Try { step, share, bytes })
            });
            tries.collect::<Result<Vec<Try>, PackError>>()
        };
        Ok([of(Kv::K)?, of(Kv::V)?])
    }

    fn layer_alone(
        &self,
        layer: &Layer,
        steps: &[Vec<f64>; 2],
        counted: bool,
    ) -> Result<[Vec<(OfSide, u64)>; 2], PackError> {
        self.each_alone(layer, &|kv, _, values, errors| {
            let prepared = self.prepared(layer, kv, values, steps[kv][0]);
            let steps = steps[kv].iter();
            steps
                .map(|&step| {
                    let bytes = if counted { prepared.count(step) } else { 0 };
                    (errors(&prepared.restore(step)), bytes)
                })
                .collect()
        })
    }

    /// Applies `tried` to K and to V of a layer. It gets the tensor, its values, and a function that measures the errors of replaced
    /// values.
    pub(super) fn each_alone(
        &self,
        layer: &Layer,
        tried: &Tries<'_>,
    ) -> Result<[Vec<(OfSide, u64)>; 2], PackError> {
        let tensors = layer.load(self.dump)?;
        let values = tensors.each_ref().map(Tensor::values);
        let queries = self.queries(layer, FEW_QUERIES)?;
        let attentions = measure::attentions(layer, &values, &queries);
        let of = |kv: Kv| {
            let errors = |restored: &[f32]| {
                measure::side(self.dump, layer, kv, &values[kv], restored, &attentions)
            };
            tried(kv, &tensors[kv], &values[kv], &errors)
        };
        let (k, v) = par::join(|| of(Kv::K), || of(Kv::V));
        Ok([k, v])
    }

    /// Errors of the dump with these methods.
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
        let back = |kv: Kv| self.restored(layer, kv, &values[kv], &methods[kv]);
        let (k, v) = par::join(|| back(Kv::K), || back(Kv::V));
        Ok(measure::layer(self.dump, layer, &values, &[k, v], &queries))
    }

    /// The values of K or V of a layer after decoding.
    fn restored(&self, layer: &Layer, kv: Kv, values: &[f32], method: &Method) -> Vec<f32> {
        match method {
            Method::Lossless => values.to_vec(),
            Method::Scheme(Scheme::Tkc(tkc)) => {
                self.prepared(layer, kv, values, tkc.step).restore(tkc.step)
            }
            Method::Scheme(scheme) => {
                let recipe = part::recipe(scheme, self.options.sinks, self.recent(layer));
                recipe.restore(values, &layer.about(kv)).values
            }
        }
    }

    /// Number of tokens, at the end of a layer, that stay as they are.
    pub(super) fn recent(&self, layer: &Layer) -> u64 {
        if layer.is_last {
            self.options.recent
        } else {
            0
        }
    }

    /// At most `most` queries of a layer; empty if the limit does not need them.
    fn queries(&self, layer: &Layer, most: usize) -> Result<Vec<Queries>, PackError> {
        Ok(match self.limit {
            Limit::MaxAttentionError(_) => measure::queries(self.dump, layer)?
                .0
                .into_iter()
                .map(|queries| measure::some(queries, most))
                .collect(),
            _ => Vec::new(),
        })
    }

    /// K or V of a layer, prepared for steps near this one.
    fn prepared<'v>(&self, layer: &Layer, kv: Kv, values: &'v [f32], step: f64) -> Ready<'v> {
        let about = layer.about(kv);
        let tkc = layer.told(Tkc { step, ..self.base });
        let recipe = part::recipe(&Scheme::Tkc(tkc), self.options.sinks, self.recent(layer));
        let (range, inner) = recipe.about_values(&about);
        let prepared =
            (!range.is_empty()).then(|| Prepared::new(&values[range.clone()], &inner, &tkc));
        Ready {
            values,
            range,
            prepared,
        }
    }
}

/// K or V of a layer, prepared for rounding, with the tokens that stay raw.
struct Ready<'v> {
    values: &'v [f32],
    range: std::ops::Range<usize>,
    prepared: Option<Prepared>,
}

impl Ready<'_> {
    /// The values after decoding at a step.
    fn restore(&self, step: f64) -> Vec<f32> {
        let mut restored = self.values.to_vec();
        if let Some(prepared) = &self.prepared {
            prepared.restore(step, &mut restored[self.range.clone()]);
        }
        restored
    }

    /// Stored bytes at a step, of the tokens that are rounded.
    fn count(&self, step: f64) -> u64 {
        self.prepared
            .as_ref()
            .map_or(0, |prepared| prepared.count(step))
    }
}

/// A few of the layers, at different depths and, if there are several runs, of different runs. The layers of a run must follow each other.
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
