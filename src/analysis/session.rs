//! An analysis under way, as its owner sees it.

use super::error::JobError;
use super::report::{Report, Row};
use std::time::Duration;

/// How far an analysis is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Captures done.
    pub captures: usize,
    /// All captures, each once for every time that the analysis goes through the dump.
    pub captures_total: usize,
    /// Bytes of K and V done.
    pub bytes: u64,
    /// All bytes.
    pub bytes_total: u64,
}

/// An analysis under way.
///
/// Nothing here waits unless it is asked to: whoever owns the calling thread calls [`Session::step`], which reads a capture and hands it
/// to the pool, and [`Session::poll`], which takes in results. [`super::Job::run`] does so to the end; a page does it between its events.
pub trait Session: Send {
    /// Reads the next capture and gives it to the pool (without threads: measures it). False when there is nothing to do now: the pool
    /// has all that it may have, or everything is read.
    fn step(&mut self) -> bool;

    /// Tells the dump's source what the next capture will need of which nothing was said yet, so that it can be read before its
    /// [`Session::step`]. False when no capture is left that is read by itself.
    fn announce(&mut self) -> bool;

    /// Takes in what is done, waiting up to `wait` for the first result; gives `on_rows` the rows that are next in dump order.
    ///
    /// # Errors
    /// When it was cancelled or can't go on.
    fn poll(&mut self, wait: Duration, on_rows: &mut dyn FnMut(&[Row])) -> Result<(), JobError>;

    /// How far it is.
    fn progress(&self) -> Progress;

    /// Whether everything is measured.
    fn is_done(&self) -> bool;

    /// The report on what is known so far, for analyses that can tell before their end.
    fn so_far(&self) -> Option<Report>;

    /// What has not begun to be measured is skipped from now on, and [`Session::poll`] fails.
    fn cancel(&self);

    /// Whether nothing is being measured, nor waits for it in the pool.
    fn is_idle(&self) -> bool;

    /// How many different threads have measured something.
    fn workers(&self) -> usize;

    /// The report on what was done.
    fn finish(self: Box<Self>) -> Report;
}
