//! Runs an analysis over a dump: captures in parallel, rows in dump order, memory bounded by what is in flight.
//!
//! [`Run`] is the state of one: whoever owns the calling thread asks [`Run::has_room`], fetches a capture, hands it over with
//! [`Run::start`] and takes in results with [`Run::poll`]. [`run`] does this to the end; a page does it between its events.

use super::rows::{CaptureInfo, Report, Row};
use super::{Analysis, Filter, Fold, MeasureError};
use crate::dump::{Capture, Dump, Fetched, Problem};
use crate::par;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use thiserror::Error;

/// Captures in flight may always take this many bytes, large enough to keep all threads busy with small captures.
const ALWAYS_IN_FLIGHT: u64 = 8 << 20;

/// More captures than this in flight make no thread busier.
const MOST_IN_FLIGHT: usize = 1024;

impl CaptureInfo {
    /// What rows say about the capture at `index` of a dump.
    pub fn new(index: usize, capture: &Capture) -> Self {
        Self {
            index,
            layer_id: capture.layer_id,
            stage: capture.stage.clone(),
            seq_len: capture.shape.seq_len as u64,
            kv_heads: capture.shape.kv_heads as u64,
            head_dim: capture.shape.head_dim as u64,
            bytes_per_elem: capture.dtype.size() as u32,
            dtype: capture.dtype.name(),
        }
    }
}

/// Which captures of a dump a run goes through.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    captures: Vec<Arc<CaptureInfo>>,
    kept: usize,
}

impl Plan {
    /// The captures that the filter keeps and the analysis selects.
    pub fn new(dump: &Dump, filter: &Filter, analysis: &dyn Analysis) -> Self {
        let infos = dump
            .captures
            .iter()
            .enumerate()
            .map(|(index, capture)| CaptureInfo::new(index, capture));
        let kept: Vec<CaptureInfo> = infos.filter(|info| filter.keeps(info)).collect();
        let count = kept.len();
        let selected = kept
            .into_iter()
            .filter(|info| analysis.selects(info))
            .map(Arc::new);
        Self {
            captures: selected.collect(),
            kept: count,
        }
    }

    /// Captures that are measured.
    pub fn captures(&self) -> usize {
        self.captures.len()
    }

    /// Captures that the filter keeps, also those of layers without rows: where there is none, there is no report.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Bytes of K and V that are measured.
    pub fn bytes(&self) -> u64 {
        self.captures.iter().map(|info| info.bytes()).sum()
    }

    /// The measured captures' places in the dump, in its order.
    pub fn indices(&self) -> impl Iterator<Item = usize> {
        self.captures.iter().map(|info| info.index)
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Captures done.
    pub captures: usize,
    /// All captures.
    pub captures_total: usize,
    /// Bytes of K and V done.
    pub bytes: u64,
    /// All bytes.
    pub bytes_total: u64,
}

/// Why a run ended without a report.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RunError {
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A capture's frames did not decode to what went in.
    #[error("{capture}: {error}")]
    Measure {
        /// The capture's path.
        capture: String,
        /// What is wrong.
        error: MeasureError,
    },
    /// A flaw of this program, met at this capture.
    #[error("{capture}: internal error: {message}")]
    Panic {
        /// The capture's path.
        capture: String,
        /// The panic's message.
        message: String,
    },
}

/// What became of one capture.
enum Outcome {
    Rows(Vec<Row>),
    Problem(Problem),
    Error(RunError),
    Skipped,
}

/// A run under way.
pub struct Run {
    analysis: Arc<dyn Analysis>,
    fold: Box<dyn Fold>,
    captures: Vec<Arc<CaptureInfo>>,
    room: u64,
    started: usize,
    in_flight: u64,
    progress: Progress,
    /// What is done, by place in `captures`, and waits for those before it.
    done: BTreeMap<usize, Vec<Row>>,
    folded: usize,
    problems: Vec<Problem>,
    workers: BTreeSet<usize>,
    cancel: Arc<AtomicBool>,
    sender: Sender<(usize, usize, Outcome)>,
    receiver: Receiver<(usize, usize, Outcome)>,
}

impl Run {
    /// Nothing started yet. `folder` is where the reports will lie, as they name it themselves (may be empty).
    pub fn new(analysis: Arc<dyn Analysis>, plan: Plan, folder: &str) -> Self {
        let (sender, receiver) = channel();
        let largest = plan
            .captures
            .iter()
            .map(|info| info.bytes())
            .max()
            .unwrap_or(0);
        let progress = Progress {
            captures_total: plan.captures(),
            bytes_total: plan.bytes(),
            ..Progress::default()
        };
        Self {
            fold: analysis.fold(folder),
            analysis,
            captures: plan.captures,
            room: ALWAYS_IN_FLIGHT.max(largest.saturating_mul(2)),
            started: 0,
            in_flight: 0,
            progress,
            done: BTreeMap::new(),
            folded: 0,
            problems: Vec::new(),
            workers: BTreeSet::new(),
            cancel: Arc::default(),
            sender,
            receiver,
        }
    }

    /// Whether the next capture may be fetched now; if not, [`Run::poll`] first.
    pub fn has_room(&self) -> bool {
        let running = self.started - self.progress.captures;
        running == 0 || (self.in_flight < self.room && running < MOST_IN_FLIGHT)
    }

    /// Whether every capture has its rows.
    pub fn is_done(&self) -> bool {
        self.progress.captures == self.captures.len()
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// How many different threads have measured captures.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// When set, captures that have not begun to be measured are skipped, and [`Run::poll`] fails.
    pub fn cancel_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancel)
    }

    /// Measures in the pool what was fetched of the capture at `index` of the dump, one of the plan's.
    pub fn start(&mut self, index: usize, fetched: Result<Fetched, Problem>) {
        let Ok(place) = self
            .captures
            .binary_search_by_key(&index, |info| info.index)
        else {
            return;
        };
        let info = Arc::clone(&self.captures[place]);
        self.started += 1;
        self.in_flight += info.bytes();
        let (analysis, sender, cancel) = (
            Arc::clone(&self.analysis),
            self.sender.clone(),
            Arc::clone(&self.cancel),
        );
        par::spawn(move || {
            let outcome = match fetched {
                _ if cancel.load(Ordering::Relaxed) => Outcome::Skipped,
                Ok(fetched) => measure(&*analysis, &info, fetched),
                Err(problem) => Outcome::Problem(problem),
            };
            // Nobody listens any more once the run is dropped.
            let _ = sender.send((place, par::current_thread(), outcome));
        });
    }

    /// Takes in what is done, waiting up to `wait` for the first result; gives `on_rows` the rows that are next in dump order.
    ///
    /// # Errors
    /// When the run was cancelled or can't go on.
    pub fn poll(
        &mut self,
        wait: Duration,
        on_rows: &mut dyn FnMut(&[Row]),
    ) -> Result<(), RunError> {
        let first = if wait.is_zero() {
            None
        } else {
            self.receiver.recv_timeout(wait).ok()
        };
        let mut next = first.or_else(|| self.receiver.try_recv().ok());
        while let Some((place, worker, outcome)) = next {
            self.workers.insert(worker);
            let bytes = self.captures[place].bytes();
            self.in_flight -= bytes;
            self.progress.captures += 1;
            self.progress.bytes += bytes;
            match outcome {
                Outcome::Rows(rows) => drop(self.done.insert(place, rows)),
                Outcome::Problem(problem) => {
                    self.problems.push(problem);
                    self.done.insert(place, Vec::new());
                }
                Outcome::Error(error) => return Err(error),
                Outcome::Skipped => return Err(RunError::Cancelled),
            }
            next = self.receiver.try_recv().ok();
        }
        if self.cancel.load(Ordering::Relaxed) {
            return Err(RunError::Cancelled);
        }
        while let Some(rows) = self.done.remove(&self.folded) {
            self.folded += 1;
            if !rows.is_empty() {
                on_rows(&rows);
                self.fold.push(rows);
            }
        }
        Ok(())
    }

    /// The report, and the captures that could not be read.
    pub fn finish(self) -> (Report, Vec<Problem>) {
        (self.fold.finish(), self.problems)
    }
}

fn measure(analysis: &dyn Analysis, info: &Arc<CaptureInfo>, fetched: Fetched) -> Outcome {
    let path = fetched.capture().path.clone();
    // A panic must not take the pool down with it.
    let measured = catch_unwind(AssertUnwindSafe(|| match fetched.decode() {
        Ok(loaded) => match analysis.measure(info, &loaded.k, &loaded.v) {
            Ok(rows) => Outcome::Rows(rows),
            Err(error) => Outcome::Error(RunError::Measure {
                capture: path.clone(),
                error,
            }),
        },
        Err(problem) => Outcome::Problem(problem),
    }));
    measured.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let message = text
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Outcome::Error(RunError::Panic {
            capture: path,
            message,
        })
    })
}

/// Runs to the end on the calling thread and the pool. `cancelled` is asked, and `on_progress` told, several times a second.
///
/// # Errors
/// When the run was cancelled or can't go on.
pub fn run(
    dump: &Dump,
    plan: Plan,
    analysis: Arc<dyn Analysis>,
    folder: &str,
    cancelled: &dyn Fn() -> bool,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<(Report, Vec<Problem>), RunError> {
    const TICK: Duration = Duration::from_millis(50);
    let mut fetches = dump.fetches(plan.indices());
    let mut run = Run::new(analysis, plan, folder);
    let cancel = run.cancel_flag();
    while !run.is_done() {
        if cancelled() {
            cancel.store(true, Ordering::Relaxed);
        }
        let mut wait = TICK;
        if run.has_room()
            && let Some((index, fetched)) = fetches.next()
        {
            run.start(index, fetched);
            wait = Duration::ZERO;
        }
        run.poll(wait, &mut |_| ())?;
        on_progress(run.progress());
    }
    run.poll(Duration::ZERO, &mut |_| ())?;
    Ok(run.finish())
}
