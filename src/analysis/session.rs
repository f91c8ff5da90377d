//! An analysis under way: captures in parallel, rows in dump order, memory bounded by what is in flight.
//!
//! Nothing here waits unless it is asked to: whoever owns the calling thread calls [`Session::step`], which reads a capture and hands it
//! to the pool, and [`Session::poll`], which takes in results. [`super::Job::run`] does so to the end; a page does it between its events.

use super::error::JobError;
use super::plan::Plan;
use super::rows::{CaptureInfo, Report, Row};
use super::{Analysis, Fold};
use crate::dump::{Dump, Fetched, Fetches, Problem};
use crate::par::{self, Pool};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Captures in flight may always take this many bytes, large enough to keep all threads busy with small captures.
const ALWAYS_IN_FLIGHT: u64 = 8 << 20;

/// More captures than this in flight make no thread busier.
const MAX_IN_FLIGHT: usize = 1024;

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
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

/// What became of one capture.
enum Outcome {
    Rows(Vec<Row>),
    Problem(Problem),
    Error(JobError),
    Skipped,
}

/// An analysis under way.
pub struct Session {
    analysis: Arc<dyn Analysis>,
    fold: Box<dyn Fold>,
    fetches: Fetches,
    /// Captures whose bytes were announced and that were not fetched since.
    announced: usize,
    pool: Pool,
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
    /// Every task in the pool holds another one.
    running: Arc<()>,
    sender: Sender<(usize, usize, Outcome)>,
    receiver: Receiver<(usize, usize, Outcome)>,
}

impl Session {
    /// Nothing started yet. `folder` is where the reports will lie, as they name it themselves (may be empty).
    pub(super) fn new(
        dump: &Dump,
        analysis: Arc<dyn Analysis>,
        plan: Plan,
        folder: &str,
        pool: Pool,
        cancel: Arc<AtomicBool>,
    ) -> Self {
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
            fetches: dump.fetches(plan.indices()),
            announced: 0,
            pool,
            captures: plan.captures,
            room: ALWAYS_IN_FLIGHT.max(largest.saturating_mul(2)),
            started: 0,
            in_flight: 0,
            progress,
            done: BTreeMap::new(),
            folded: 0,
            problems: Vec::new(),
            workers: BTreeSet::new(),
            cancel,
            running: Arc::default(),
            sender,
            receiver,
        }
    }

    /// Reads the next capture and gives it to the pool (without threads: measures it). False when there is nothing to do now: the pool
    /// has all that it may have, or everything is read.
    pub fn step(&mut self) -> bool {
        let running = self.started - self.progress.captures;
        if running > 0 && (self.in_flight >= self.room || running >= MAX_IN_FLIGHT) {
            return false;
        }
        let Some((index, fetched)) = self.fetches.next() else {
            return false;
        };
        self.announced = self.announced.saturating_sub(1);
        self.start(index, fetched);
        true
    }

    /// Tells the dump's source what the next capture will need of which nothing was said yet, so that it can be read before its
    /// [`Session::step`]. False when no capture is left that is read by itself.
    pub fn announce(&mut self) -> bool {
        let is_one = self.fetches.announce(self.announced);
        self.announced += usize::from(is_one);
        is_one
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

    /// Captures that have not begun to be measured are skipped from now on, and [`Session::poll`] fails.
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// Whether no capture is being measured, nor waits for it in the pool.
    pub fn is_idle(&self) -> bool {
        Arc::strong_count(&self.running) == 1
    }

    /// Measures in the pool what was fetched of the capture at `index` of the dump, one of the plan's.
    fn start(&mut self, index: usize, fetched: Result<Fetched, Problem>) {
        let Ok(place) = self
            .captures
            .binary_search_by_key(&index, |info| info.index)
        else {
            return;
        };
        let info = Arc::clone(&self.captures[place]);
        self.started += 1;
        self.in_flight += info.bytes();
        let (analysis, sender) = (Arc::clone(&self.analysis), self.sender.clone());
        let (cancel, running) = (Arc::clone(&self.cancel), Arc::clone(&self.running));
        self.pool.spawn(move || {
            let outcome = match fetched {
                _ if cancel.load(Ordering::Relaxed) => Outcome::Skipped,
                Ok(fetched) => measure(&*analysis, &info, fetched),
                Err(problem) => Outcome::Problem(problem),
            };
            // Nobody listens any more once the session is dropped.
            let _ = sender.send((place, par::current_thread(), outcome));
            drop(running);
        });
    }

    /// Takes in what is done, waiting up to `wait` for the first result; gives `on_rows` the rows that are next in dump order.
    ///
    /// # Errors
    /// When it was cancelled or can't go on.
    pub fn poll(
        &mut self,
        wait: Duration,
        on_rows: &mut dyn FnMut(&[Row]),
    ) -> Result<(), JobError> {
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
                Outcome::Skipped => return Err(JobError::Cancelled),
            }
            next = self.receiver.try_recv().ok();
        }
        if self.cancel.load(Ordering::Relaxed) {
            return Err(JobError::Cancelled);
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

    /// The report on what was done.
    pub fn finish(self) -> Report {
        Report {
            problems: self.problems,
            ..self.fold.finish()
        }
    }
}

fn measure(analysis: &dyn Analysis, info: &Arc<CaptureInfo>, fetched: Fetched) -> Outcome {
    let path = fetched.capture().path.clone();
    // A panic must not take the pool down with it.
    let measured = catch_unwind(AssertUnwindSafe(|| match fetched.decode() {
        Ok(loaded) => match analysis.measure(info, &loaded.k, &loaded.v) {
            Ok(rows) => Outcome::Rows(rows),
            Err(error) => Outcome::Error(JobError::Measure {
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
        Outcome::Error(JobError::Panic {
            capture: path,
            message,
        })
    })
}
