//! An analysis under way, as its owner sees it.

use super::error::JobError;
use super::report::{Report, Row};
use std::time::Duration;

/// Progress of an analysis.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Captures measured so far.
    pub captures: usize,
    /// Captures to measure, each counted once for every pass over the dump.
    pub captures_total: usize,
    /// Bytes of K and V measured so far, on all passes.
    pub bytes: u64,
    /// Bytes of K and V to measure, each counted once for every pass.
    pub bytes_total: u64,
    /// Part of the work that is done, from 0 to 1: that of the bytes, where no pass takes longer than another.
    pub share: f64,
}

/// An analysis under way.
///
/// No call blocks unless it is asked to: the owner of the calling thread alternates [`Session::step`], which reads a capture and hands it
/// to the pool, and [`Session::poll`], which takes in results. [`super::Job::run`] does so until the end; a page does it between its
/// events.
pub trait Session: Send {
    /// Reads the next capture and hands it to the pool (without threads, measures it). Returns false when there is nothing to do now: the
    /// pool has as much as it may hold, or everything has been read.
    fn step(&mut self) -> bool;

    /// Announces to the dump's source the bytes of the next capture that was not announced yet, so that they can be read ahead of its
    /// [`Session::step`]. Returns false when no separately read capture is left.
    fn announce(&mut self) -> bool;

    /// Takes in finished results, waiting up to `wait` for the first; passes to `on_rows` the rows that are next in dump order.
    ///
    /// # Errors
    /// When the analysis was cancelled or can't continue.
    fn poll(&mut self, wait: Duration, on_rows: &mut dyn FnMut(&[Row])) -> Result<(), JobError>;

    /// Rows of finished results that [`Session::poll`] keeps back until those before them in dump order are there, in that order.
    fn waiting(&self) -> Vec<Row>;

    /// Progress so far.
    fn progress(&self) -> Progress;

    /// Whether everything has been measured.
    fn is_done(&self) -> bool;

    /// A report on the results so far; `None` for analyses that have one only at the end.
    fn so_far(&self) -> Option<Report>;

    /// Cancels the analysis: units that have not started are skipped, and [`Session::poll`] fails.
    fn cancel(&self);

    /// Whether the pool has no unit in progress or waiting.
    fn is_idle(&self) -> bool;

    /// Number of different threads that have measured something.
    fn workers(&self) -> usize;

    /// The report on everything that was measured.
    fn finish(self: Box<Self>) -> Report;
}
