//! The engine: measures units in parallel and folds results in dump order; memory is bounded by what is in flight.

use super::caveats::{Caveats, Mends, Signs};
use super::error::JobError;
use super::measure_unit::{Arrived, Outcome, Seen, measure};
use super::plan::Plan;
use super::report::{Report, Row};
use super::session::{Progress, Session};
use super::settings::Settings;
use super::unit::{Analysis, Extras, Fold, Found};
use super::unit_state::{UnitState, find, units};
use crate::dump::{Dump, Fetched, Fetches, Problem};
use crate::par::{self, Pool};
use crate::tensor::Shape;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::mem::take;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Captures in flight may always take this many bytes, enough to keep all threads busy with small captures.
const ALWAYS_IN_FLIGHT: u64 = 8 << 20;

/// Upper limit of units in flight: more would not keep threads busier.
const MAX_IN_FLIGHT: usize = 1024;

/// How an analysis is run, and what its report is labelled with.
pub(super) struct Setup {
    pub name: &'static str,
    pub settings: Settings,
    pub folder: String,
    pub extras: Extras,
    pub mends: Mends,
    pub threads: Option<usize>,
    pub cancel: Arc<AtomicBool>,
}

/// An analysis under way.
pub(super) struct Task<F> {
    analysis: Arc<dyn Analysis<Found = F>>,
    fold: Box<dyn Fold<F>>,
    setup: Setup,
    pool: Pool,
    /// The reads of each pass over the dump, the current pass first.
    fetches: VecDeque<Fetches>,
    /// What part of the work each pass usually is.
    shares: &'static [f64],
    /// Number of captures whose bytes were announced but not fetched yet.
    announced: usize,
    units: Vec<UnitState>,
    /// For each capture, by its index in the dump, the index of its unit.
    unit_of: HashMap<usize, usize>,
    room: u64,
    in_flight: u64,
    running: usize,
    progress: Progress,
    /// Results by unit, waiting for those of earlier units.
    done: BTreeMap<usize, Option<F>>,
    folded: usize,
    is_done: bool,
    /// Problems, by the captures' indices in the dump.
    problems: BTreeMap<usize, Problem>,
    query_problems: Vec<Problem>,
    signs: BTreeMap<usize, (Shape, Signs)>,
    workers: BTreeSet<usize>,
    /// Cloned into every unit in the pool, so that the count tells how many there are.
    alive: Arc<()>,
    sender: Sender<Outcome<F>>,
    receiver: Receiver<Outcome<F>>,
}

impl<F: Found> Task<F> {
    /// A task that has not read anything yet.
    pub(super) fn new(
        dump: &Dump,
        analysis: Arc<dyn Analysis<Found = F>>,
        plan: Plan,
        setup: Setup,
    ) -> Result<Self, JobError> {
        let pool = Pool::new(setup.threads).map_err(JobError::Threads)?;
        let shares = analysis.passes();
        let progress = Progress {
            captures_total: plan.captures() * shares.len(),
            bytes_total: plan.bytes() * shares.len() as u64,
            ..Progress::default()
        };
        let units = units(dump, &plan, analysis.units());
        let mut unit_of = HashMap::new();
        for (place, unit) in units.iter().enumerate() {
            unit_of.extend(unit.captures.iter().map(|info| (info.index, place)));
        }
        let order = || units.iter().flat_map(|unit| &unit.captures);
        let pass = |_| dump.fetches(order().map(|info| info.index));
        let largest = units.iter().map(|unit| unit.bytes).max().unwrap_or(0);
        let (sender, receiver) = channel();
        Ok(Self {
            fold: analysis.fold(&setup.folder),
            fetches: (0..shares.len()).map(pass).collect(),
            shares,
            analysis,
            setup,
            pool,
            announced: 0,
            is_done: units.is_empty(),
            units,
            unit_of,
            room: ALWAYS_IN_FLIGHT.max(largest.saturating_mul(2)),
            in_flight: 0,
            running: 0,
            progress,
            done: BTreeMap::new(),
            folded: 0,
            problems: BTreeMap::new(),
            query_problems: Vec::new(),
            signs: BTreeMap::new(),
            workers: BTreeSet::new(),
            alive: Arc::default(),
            sender,
            receiver,
        })
    }

    /// Takes in a capture that was read; sends its unit to the pool as soon as the unit is complete.
    fn arrive(&mut self, index: usize, fetched: Result<Fetched, Problem>) {
        let Some(&place) = self.unit_of.get(&index) else {
            return;
        };
        let unit = &mut self.units[place];
        unit.left -= 1;
        match fetched {
            Ok(fetched) => unit.arrived.push((index, fetched)),
            Err(problem) => drop(self.problems.insert(index, problem)),
        }
        self.in_flight += find(&unit.captures, index).map_or(0, |info| info.bytes());
        if unit.left == 0 {
            self.start(place);
        }
    }

    fn start(&mut self, place: usize) {
        let unit = &mut self.units[place];
        let (captures, mut fetched) = (unit.captures.clone(), take(&mut unit.arrived));
        let mut queries = Vec::new();
        unit.queries.retain(|described| match described.load() {
            Ok(tensor) => {
                queries.push((Arc::clone(described), tensor));
                true
            }
            Err(problem) => {
                self.query_problems.push(problem);
                false
            }
        });
        fetched.sort_by_key(|(index, _)| *index);
        let unit = Arrived {
            captures,
            fetched,
            queries,
        };
        self.running += 1;
        let (analysis, sender) = (Arc::clone(&self.analysis), self.sender.clone());
        let (cancel, alive) = (Arc::clone(&self.setup.cancel), Arc::clone(&self.alive));
        let (extras, mends) = (self.setup.extras, self.setup.mends);
        self.pool.spawn(move || {
            let mut seen = Seen::default();
            let result = if cancel.load(Ordering::Relaxed) {
                Err(JobError::Cancelled)
            } else {
                measure(&*analysis, unit, extras, &mends, &cancel, &mut seen)
            };
            // The send fails only when the task was dropped, and then nobody waits for the result.
            let _ = sender.send(Outcome {
                unit: place,
                worker: par::current_thread(),
                seen,
                result,
            });
            drop(alive);
        });
    }

    /// Takes in the result of one unit.
    fn take(&mut self, outcome: Outcome<F>) -> Result<(), JobError> {
        let unit = &self.units[outcome.unit];
        self.workers.insert(outcome.worker);
        self.running -= 1;
        self.in_flight -= unit.bytes;
        self.progress.captures += unit.captures.len();
        self.progress.bytes += unit.bytes;
        let of_pass = self.progress.bytes_total as f64 / self.shares.len() as f64;
        let share = self.shares[self.shares.len() - self.fetches.len()];
        let more = share * unit.bytes as f64 / of_pass.max(1.0);
        // A sum of many parts can come out a little above 1.
        self.progress.share = (self.progress.share + more).min(1.0);
        self.problems.extend(outcome.seen.problems);
        let signs = outcome.seen.signs.into_iter();
        self.signs
            .extend(signs.map(|(index, shape, signs)| (index, (shape, signs))));
        self.done.insert(outcome.unit, outcome.result?);
        Ok(())
    }

    /// Folds the results that are next in dump order; after the last unit, starts another pass if the fold asks for one.
    fn fold(&mut self, on_rows: &mut dyn FnMut(&[Row])) {
        while let Some(found) = self.done.remove(&self.folded) {
            self.folded += 1;
            if let Some(found) = found {
                on_rows(found.rows());
                self.fold.push(found);
            }
        }
        if self.folded < self.units.len() {
            return;
        }
        self.fetches.pop_front();
        let again = if self.fetches.is_empty() {
            None
        } else {
            self.fold.again()
        };
        match again {
            Some(analysis) => {
                self.analysis = analysis;
                self.folded = 0;
                for unit in &mut self.units {
                    unit.left = unit.captures.len();
                }
            }
            None => {
                self.progress.share = 1.0;
                self.is_done = true;
            }
        }
    }
}

impl<F: Found> Session for Task<F> {
    fn step(&mut self) -> bool {
        if self.running > 0 && (self.in_flight >= self.room || self.running >= MAX_IN_FLIGHT) {
            return false;
        }
        let next = self.fetches.front_mut().and_then(Iterator::next);
        let Some((index, fetched)) = next else {
            return false;
        };
        self.announced = self.announced.saturating_sub(1);
        self.arrive(index, fetched);
        true
    }

    fn announce(&mut self) -> bool {
        let fetches = self.fetches.front();
        let is_one = fetches.is_some_and(|fetches| fetches.announce(self.announced));
        self.announced += usize::from(is_one);
        is_one
    }

    fn poll(&mut self, wait: Duration, on_rows: &mut dyn FnMut(&[Row])) -> Result<(), JobError> {
        let first = if wait.is_zero() {
            None
        } else {
            self.receiver.recv_timeout(wait).ok()
        };
        let mut next = first.or_else(|| self.receiver.try_recv().ok());
        while let Some(outcome) = next {
            self.take(outcome)?;
            next = self.receiver.try_recv().ok();
        }
        if self.setup.cancel.load(Ordering::Relaxed) {
            return Err(JobError::Cancelled);
        }
        if !self.is_done {
            self.fold(on_rows);
        }
        Ok(())
    }

    fn waiting(&self) -> Vec<Row> {
        let found = self.done.values().flatten();
        found.flat_map(Found::rows).cloned().collect()
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn is_done(&self) -> bool {
        self.is_done
    }

    fn so_far(&self) -> Option<Report> {
        // The first units may take longest: a thread that waits for a part of one takes up another, and first completes that.
        let waiting: Vec<&F> = self.done.values().flatten().collect();
        let report = self.fold.so_far(&waiting)?;
        Some(Report {
            analysis: self.setup.name,
            settings: self.setup.settings.clone(),
            ..report
        })
    }

    fn cancel(&self) {
        self.setup.cancel.store(true, Ordering::Relaxed);
    }

    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.alive) == 1
    }

    fn workers(&self) -> usize {
        self.workers.len()
    }

    fn finish(self: Box<Self>) -> Report {
        let mut caveats = Caveats::default();
        for (shape, signs) in self.signs.values() {
            caveats.add(*shape, signs);
        }
        Report {
            analysis: self.setup.name,
            settings: self.setup.settings,
            problems: self
                .problems
                .into_values()
                .chain(self.query_problems)
                .collect(),
            caveats: caveats.list(&self.setup.mends),
            signs: caveats,
            ..self.fold.finish()
        }
    }
}

#[cfg(test)]
mod tests;
