//! The engine: units in parallel, what was found in dump order, memory bounded by what is in flight.

use super::caveats::{Caveats, Mends, Signs};
use super::error::{JobError, MeasureError};
use super::plan::Plan;
use super::report::{CaptureInfo, Report, Row};
use super::session::{Progress, Session};
use super::settings::Settings;
use super::unit::{Analysis, Fold, Found, Member, Unit, Units};
use crate::dump::{Dump, Fetched, Fetches, Problem, Queries};
use crate::par::{self, Pool};
use crate::tensor::{Shape, Tensor};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::mem::take;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Captures in flight may always take this many bytes, large enough to keep all threads busy with small captures.
const ALWAYS_IN_FLIGHT: u64 = 8 << 20;

/// More units than this in flight make no thread busier.
const MAX_IN_FLIGHT: usize = 1024;

/// How an analysis is run, and what its report says of it.
pub(super) struct Setup {
    pub name: &'static str,
    pub settings: Settings,
    pub folder: String,
    pub verify: bool,
    pub mends: Mends,
    pub threads: Option<usize>,
    pub cancel: Arc<AtomicBool>,
}

/// What became of a unit, and its captures that turned out to be unusable.
struct Outcome<F> {
    unit: usize,
    worker: usize,
    seen: Seen,
    result: Result<Option<F>, JobError>,
}

/// What was seen of a unit's captures, by their places in the dump.
#[derive(Default)]
struct Seen {
    /// Those that turned out to be unusable.
    problems: Vec<(usize, Problem)>,
    /// What the others show.
    signs: Vec<(usize, Shape, Signs)>,
}

/// The captures of a unit, and what of them has been read.
struct UnitState {
    captures: Vec<Arc<CaptureInfo>>,
    arrived: Vec<(usize, Fetched)>,
    /// Of a layer.
    queries: Vec<Arc<Queries>>,
    left: usize,
    bytes: u64,
}

/// An analysis under way.
pub(super) struct Task<F> {
    analysis: Arc<dyn Analysis<Found = F>>,
    fold: Box<dyn Fold<F>>,
    setup: Setup,
    pool: Pool,
    /// One for each time that the dump is gone through, this time first.
    fetches: VecDeque<Fetches>,
    /// Captures whose bytes were announced and that were not fetched since.
    announced: usize,
    units: Vec<UnitState>,
    /// Of each capture, by its place in the dump: its unit.
    unit_of: HashMap<usize, usize>,
    room: u64,
    in_flight: u64,
    running: usize,
    progress: Progress,
    /// What is done, by unit, and waits for those before it.
    done: BTreeMap<usize, Option<F>>,
    folded: usize,
    is_done: bool,
    /// By the captures' places in the dump.
    problems: BTreeMap<usize, Problem>,
    query_problems: Vec<Problem>,
    signs: BTreeMap<usize, (Shape, Signs)>,
    workers: BTreeSet<usize>,
    /// Every unit in the pool holds another one.
    alive: Arc<()>,
    sender: Sender<Outcome<F>>,
    receiver: Receiver<Outcome<F>>,
}

impl<F: Found> Task<F> {
    /// Nothing is read yet.
    pub(super) fn new(
        dump: &Dump,
        analysis: Arc<dyn Analysis<Found = F>>,
        plan: Plan,
        setup: Setup,
    ) -> Result<Self, JobError> {
        let pool = Pool::new(setup.threads).map_err(JobError::Threads)?;
        let progress = Progress {
            captures_total: plan.captures() * analysis.passes(),
            bytes_total: plan.bytes() * analysis.passes() as u64,
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
            fetches: (0..analysis.passes()).map(pass).collect(),
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

    /// Measures in the pool the unit of this capture, as soon as all of it is read.
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
        let (verify, mends) = (self.setup.verify, self.setup.mends);
        self.pool.spawn(move || {
            let mut seen = Seen::default();
            let result = if cancel.load(Ordering::Relaxed) {
                Err(JobError::Cancelled)
            } else {
                measure(&*analysis, unit, verify, &mends, &cancel, &mut seen)
            };
            // Nobody listens any more once the task is dropped.
            let _ = sender.send(Outcome {
                unit: place,
                worker: par::current_thread(),
                seen,
                result,
            });
            drop(alive);
        });
    }

    /// Takes in one outcome.
    fn take(&mut self, outcome: Outcome<F>) -> Result<(), JobError> {
        let unit = &self.units[outcome.unit];
        self.workers.insert(outcome.worker);
        self.running -= 1;
        self.in_flight -= unit.bytes;
        self.progress.captures += unit.captures.len();
        self.progress.bytes += unit.bytes;
        self.problems.extend(outcome.seen.problems);
        let signs = outcome.seen.signs.into_iter();
        self.signs
            .extend(signs.map(|(index, shape, signs)| (index, (shape, signs))));
        self.done.insert(outcome.unit, outcome.result?);
        Ok(())
    }

    /// Folds what is next in dump order; after the last unit goes through the dump again, if the fold asks for it.
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
            None => self.is_done = true,
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

    fn progress(&self) -> Progress {
        self.progress
    }

    fn is_done(&self) -> bool {
        self.is_done
    }

    fn so_far(&self) -> Option<Report> {
        let report = self.fold.so_far()?;
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

/// The captures of a plan, by unit.
fn units(dump: &Dump, plan: &Plan, kind: Units) -> Vec<UnitState> {
    let mut units: Vec<UnitState> = Vec::new();
    let mut layers: HashMap<(&str, i64), usize> = HashMap::new();
    let mut queries: HashMap<(&str, i64), Vec<Arc<Queries>>> = HashMap::new();
    if kind == Units::Layers {
        for described in &dump.queries {
            let layer = (described.run.as_str(), described.layer_id);
            queries
                .entry(layer)
                .or_default()
                .push(Arc::clone(described));
        }
    }
    let queries_of = |info: &CaptureInfo| {
        let layer = (dump.captures[info.index].run.as_str(), info.layer_id);
        queries.get(&layer).cloned().unwrap_or_default()
    };
    for info in &plan.captures {
        let place = match kind {
            Units::Captures => units.len(),
            Units::Layers => {
                let run = dump.captures[info.index].run.as_str();
                *layers.entry((run, info.layer_id)).or_insert(units.len())
            }
        };
        if place == units.len() {
            units.push(UnitState {
                captures: Vec::new(),
                arrived: Vec::new(),
                queries: queries_of(info),
                left: 0,
                bytes: 0,
            });
        }
        let unit = &mut units[place];
        unit.captures.push(Arc::clone(info));
        unit.left += 1;
        unit.bytes += info.bytes();
    }
    units
}

/// Captures are in dump order.
fn find(captures: &[Arc<CaptureInfo>], index: usize) -> Option<&Arc<CaptureInfo>> {
    let place = captures.binary_search_by_key(&index, |info| info.index);
    place.ok().map(|place| &captures[place])
}

/// What rows say of a capture, which may have been mended.
fn info_of(info: &Arc<CaptureInfo>, mends: &Mends, k: &Tensor) -> Arc<CaptureInfo> {
    if mends.is_none() {
        return Arc::clone(info);
    }
    Arc::new(CaptureInfo {
        seq_len: k.shape().seq_len as u64,
        kv_heads: k.shape().kv_heads as u64,
        bytes_per_elem: k.dtype().size() as u32,
        dtype: k.dtype().name(),
        ..(**info).clone()
    })
}

/// A unit as it was fetched.
struct Arrived {
    captures: Vec<Arc<CaptureInfo>>,
    /// By index in the dump.
    fetched: Vec<(usize, Fetched)>,
    queries: Vec<(Arc<Queries>, Tensor)>,
}

/// Decodes the captures and measures what they make up; a capture that does not decode is a problem, and left out.
fn measure<F: Found>(
    analysis: &dyn Analysis<Found = F>,
    unit: Arrived,
    verify: bool,
    mends: &Mends,
    cancel: &Arc<AtomicBool>,
    seen: &mut Seen,
) -> Result<Option<F>, JobError> {
    let Arrived {
        captures,
        fetched: arrived,
        queries,
    } = unit;
    let first = arrived.first().map(|(_, fetched)| &fetched.capture().path);
    let path = first.cloned().unwrap_or_default();
    // A panic must not take the pool down with it.
    let measured = catch_unwind(AssertUnwindSafe(|| {
        let mut members = Vec::with_capacity(arrived.len());
        for (index, fetched) in arrived {
            let capture = Arc::clone(fetched.capture());
            match (fetched.decode(), find(&captures, index)) {
                (Ok(loaded), Some(info)) => {
                    let signs = Signs::of(&loaded.k, &loaded.v);
                    seen.signs.push((index, loaded.k.shape(), signs));
                    let (k, v) = mends.apply(&signs, loaded.k, loaded.v);
                    members.push(Member {
                        info: info_of(info, mends, &k),
                        capture,
                        k,
                        v,
                    });
                }
                (Err(problem), _) => seen.problems.push((index, problem)),
                (Ok(_), None) => {}
            }
        }
        let unit = Unit::new(members, queries, verify, Arc::clone(cancel));
        unit.map(|unit| analysis.measure(&unit)).transpose()
    }));
    match measured {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(MeasureError::Cancelled)) => Err(JobError::Cancelled),
        Ok(Err(error)) => Err(JobError::Measure {
            capture: path,
            error,
        }),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(JobError::Panic {
                capture: path,
                message: message.unwrap_or_default(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::{MemorySource, ScanOptions, Source, scan};

    /// Counts the tokens of each layer; the second time it doubles them.
    struct Tokens {
        times: u64,
    }

    impl Found for (u64, Vec<u64>) {}

    #[derive(Default)]
    struct Sum {
        passes: u64,
        layers: Vec<(u64, Vec<u64>)>,
    }

    impl Analysis for Tokens {
        type Found = (u64, Vec<u64>);

        fn units(&self) -> Units {
            Units::Layers
        }

        fn selects(&self, capture: &CaptureInfo) -> bool {
            capture.layer_id != 7
        }

        fn passes(&self) -> usize {
            2
        }

        fn measure(&self, unit: &Unit) -> Result<(u64, Vec<u64>), MeasureError> {
            let tokens = unit
                .members()
                .map(|member| member.info.seq_len)
                .sum::<u64>();
            let starts = unit.members().map(|member| member.capture.seq_start);
            Ok((tokens * self.times, starts.collect()))
        }

        fn fold(&self, _: &str) -> Box<dyn Fold<(u64, Vec<u64>)>> {
            Box::new(Sum::default())
        }
    }

    impl Fold<(u64, Vec<u64>)> for Sum {
        fn push(&mut self, found: (u64, Vec<u64>)) {
            self.layers.push(found);
        }

        fn again(&mut self) -> Option<Arc<dyn Analysis<Found = (u64, Vec<u64>)>>> {
            self.passes += 1;
            Some(Arc::new(Tokens { times: 2 }))
        }

        fn finish(self: Box<Self>) -> Report {
            let starts = |starts: &[u64]| starts.iter().map(u64::to_string).collect::<Vec<_>>();
            let line =
                |(tokens, at): &(u64, Vec<u64>)| format!("{tokens}@{}", starts(at).join("+"));
            let lines: Vec<String> = self.layers.iter().map(line).collect();
            Report {
                captures: self.passes as usize,
                files: vec![crate::analysis::ReportFile {
                    name: "layers".to_owned(),
                    bytes: lines.join(" ").into_bytes(),
                }],
                ..Report::default()
            }
        }
    }

    fn dump(broken: bool) -> Dump {
        let mut files = Vec::new();
        for (layer, start, len) in [
            (1, 0, 3),
            (7, 0, 3),
            (2, 0, 3),
            (1, 3, 1),
            (2, 3, 1),
            (1, 4, 1),
        ] {
            let meta = format!(
                r#"{{"layer_id": {layer}, "seq_start": {start}, "seq_len": {len}, "kv_heads": 1, "head_dim": 2, "bytes_per_elem": 2,
                    "dtype": "fp16", "stage": "decode", "run_id": "r", "k_file": "k{start}", "v_file": "v{start}"}}"#
            );
            let folder = format!("r/step_{start}/layer_{layer}");
            files.push((format!("{folder}/meta_{start}.json"), meta.into_bytes()));
            for name in ["k", "v"] {
                files.push((format!("{folder}/{name}{start}"), vec![0; len * 4]));
            }
        }
        let source: Arc<dyn Source> = Arc::new(MemorySource::new(files));
        let mut dump = scan(&source, &ScanOptions::default());
        assert!(dump.problems.is_empty(), "{:?}", dump.problems);
        if broken {
            dump.captures.retain(|capture| capture.seq_start != 3);
        }
        dump
    }

    fn run(dump: &Dump) -> Report {
        let analysis: Arc<dyn Analysis<Found = _>> = Arc::new(Tokens { times: 1 });
        let settings = crate::analysis::specs().swap_remove(0).params;
        let settings = Settings::parse(settings, [("stage", "both")]).unwrap();
        let filter = crate::analysis::Filter::try_from(&settings).unwrap();
        let plan = Plan::new(dump, &filter, &*analysis);
        let setup = Setup {
            name: "tokens",
            settings,
            folder: String::new(),
            mends: Mends::default(),
            verify: false,
            threads: Some(2),
            cancel: Arc::default(),
        };
        let mut task = Box::new(Task::new(dump, analysis, plan, setup).unwrap());
        while !task.is_done() {
            let wait = if task.step() { 0 } else { 20 };
            task.poll(Duration::from_millis(wait), &mut |_| ()).unwrap();
        }
        let Progress {
            captures,
            captures_total,
            ..
        } = task.progress();
        assert_eq!(captures, captures_total);
        task.finish()
    }

    #[test]
    fn the_captures_of_a_layer_are_measured_together_and_a_fold_may_ask_for_them_again() {
        let report = run(&dump(false));
        assert_eq!(report.files[0].bytes, b"5@0+3+4 4@0+3 10@0+3+4 8@0+3");
        assert_eq!(report.captures, 1);
        let report = run(&dump(true));
        assert_eq!(report.files[0].bytes, b"4@0+4 3@0 8@0+4 6@0");
    }

    #[test]
    fn an_empty_plan_is_done_at_once() {
        assert_eq!(run(&Dump::default()).files[0].bytes, b"");
    }
}
