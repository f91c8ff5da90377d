//! The coarsest steps of `tkc` that keep within a limit of error.
//!
//! Errors grow about as the square of the step, so each try leads close to the next: some on a few layers, then all layers until the
//! limit holds and little is left of it.

use super::error::PackError;
use super::layers::{BATCH, Layer, layers};
use super::measure::{self, Measured, OfLayer};
use super::method::{Method, PackOptions};
use super::part;
use crate::dump::Dump;
use crate::metrics::Queries;
use crate::par;
use crate::scheme::{Kv, Prepared, Scheme, Tkc};
use crate::tensor::{Shape, Tensor};

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
    /// How many times the limit an error of K and of V is.
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
}

/// Layers of the first tries.
const FEW: usize = 4;

/// Tries on a few layers, and on all.
const TRIES: usize = 4;
const FULL_TRIES: usize = 5;

/// Enough of the limit used.
const CLOSE: f64 = 0.985;

/// The step to start with, for K; V's is twice as coarse where one number is for both.
const START: f64 = 0.1;

/// Finer steps than this are no use: values are stored losslessly then.
const MIN_STEP: f64 = 2e-4;
const MAX_STEP: f64 = 8.0;

/// A search for the smallest within a limit.
pub struct Search<'a> {
    dump: &'a Dump,
    layers: Vec<Layer>,
    base: Tkc,
    options: PackOptions,
    limit: Limit,
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
        let every = self.layers.len().div_ceil(FEW).max(1);
        let few: Vec<&Layer> = self.layers.iter().skip(every / 2).step_by(every).collect();
        let all: Vec<&Layer> = self.layers.iter().collect();
        let mut steps = [
            START,
            if matches!(self.limit, Limit::MinCosine(_)) {
                START
            } else {
                2.0 * START
            },
        ];
        let work = (TRIES * few.len() + 2 * all.len()) as f64;
        let mut done = 0.0;
        for _ in 0..TRIES {
            let measured = self.measure(&few, steps, &mut |layers| {
                go_on((done + layers as f64) / work)
            })?;
            done += few.len() as f64;
            let shares = self.limit.shares(&measured)?;
            steps = next(steps, shares);
            if shares
                .iter()
                .all(|share| (CLOSE..=1.0 / CLOSE).contains(share))
            {
                break;
            }
        }
        let mut best: Option<([f64; 2], Measured)> = None;
        for _ in 0..FULL_TRIES {
            let measured = self.measure(&all, steps, &mut |layers| {
                go_on(((done + layers as f64) / work).min(1.0))
            })?;
            done += all.len() as f64;
            let shares = self.limit.shares(&measured)?;
            let holds = shares.iter().all(|share| *share <= 1.0);
            if holds
                && best
                    .as_ref()
                    .is_none_or(|(found, _)| found[0] + found[1] <= steps[0] + steps[1])
            {
                best = Some((steps, measured));
            }
            if shares.iter().all(|share| (CLOSE..=1.0).contains(share)) {
                break;
            }
            if steps.iter().all(|step| *step <= MIN_STEP) {
                break;
            }
            // A share within the limit and close to it stays; others move.
            let moved = next(steps, shares);
            for side in 0..2 {
                if !(CLOSE..=1.0).contains(&shares[side]) {
                    steps[side] = moved[side];
                }
            }
        }
        let mut options = self.options.clone();
        match best {
            Some((steps, measured)) => {
                let method = |step| Method::Scheme(Scheme::Tkc(Tkc { step, ..self.base }));
                (options.k, options.v) = (method(steps[0]), method(steps[1]));
                Ok((options, measured))
            }
            None => {
                (options.k, options.v) = (Method::Lossless, Method::Lossless);
                let exact = |layer: &&Layer| self.of_layer(layer, None);
                let exact: Result<Vec<_>, _> = all.iter().map(exact).collect();
                Ok((options, measure::means(&exact?)))
            }
        }
    }

    /// The errors of these layers at these steps.
    fn measure(
        &self,
        layers: &[&Layer],
        steps: [f64; 2],
        go_on: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Measured, PackError> {
        let mut all = Vec::new();
        for batch in layers.chunks(BATCH) {
            if !go_on(all.len()) {
                return Err(PackError::Cancelled);
            }
            let measured = par::map(batch, &|layer: &&Layer| self.of_layer(layer, Some(steps)));
            for measured in measured {
                all.push(measured?);
            }
        }
        Ok(measure::means(&all))
    }

    fn of_layer(&self, layer: &Layer, steps: Option<[f64; 2]>) -> Result<OfLayer, PackError> {
        let tensors = layer.load(self.dump)?;
        let queries: Vec<Queries> = match self.limit {
            Limit::MaxAttentionError(_) => measure::queries(self.dump, layer)?,
            _ => Vec::new(),
        };
        let [k, v] = &tensors;
        let values = [k.values(), v.values()];
        let restored = match steps {
            None => values.clone(),
            Some([k_step, v_step]) => {
                let (k, v) = par::join(
                    || self.restored(layer, Kv::K, k, &values[0], k_step),
                    || self.restored(layer, Kv::V, v, &values[1], v_step),
                );
                [k, v]
            }
        };
        Ok(measure::layer(
            self.dump, layer, &values, &restored, &queries,
        ))
    }

    /// What will come back of K or V at a step, without its bytes.
    fn restored(
        &self,
        layer: &Layer,
        kv: Kv,
        tensor: &Tensor,
        values: &[f32],
        step: f64,
    ) -> Vec<f32> {
        let about = layer.about(kv);
        let tkc = Tkc { step, ..self.base };
        let recent = if layer.is_last {
            self.options.recent
        } else {
            0
        };
        let recipe = part::recipe(&Scheme::Tkc(tkc), self.options.sinks, recent);
        let body = recipe.body(&about);
        let mut restored = values.to_vec();
        if body.is_empty() || tensor.is_empty() {
            return restored;
        }
        let inner = crate::scheme::About {
            position: about.position.saturating_add(body.start as u64),
            shape: Shape {
                seq_len: body.len(),
                ..about.shape
            },
            ..about
        };
        let token = about.shape.token_elements();
        let range = body.start * token..body.end * token;
        let back = Prepared::new(&values[range.clone()], &inner, &tkc).restore(step);
        restored[range].copy_from_slice(&back);
        restored
    }
}

/// Steps that should use up the limit, in four digits, rounded down.
fn next(steps: [f64; 2], shares: [f64; 2]) -> [f64; 2] {
    let mut next = steps;
    for ((next, step), share) in next.iter_mut().zip(steps).zip(shares) {
        let step = step * (0.995 / share.max(1e-6)).sqrt();
        let step = step.clamp(MIN_STEP, MAX_STEP);
        let digits = 10f64.powi(3 - step.log10().floor() as i32);
        *next = (step * digits).floor() / digits;
    }
    next
}
