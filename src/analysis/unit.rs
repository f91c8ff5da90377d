//! The interface of an analysis: it measures units of a dump, in any order and on any thread, and folds the results in dump order.

use super::error::MeasureError;
use super::report::{CaptureInfo, Report, Row};
use crate::dump::{Capture, Queries};
use crate::tensor::Tensor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a unit consists of: captures that are read, measured and freed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// One capture.
    Captures,
    /// All captures of one layer of a run.
    Layers,
}

/// A capture of a unit, with its values.
#[derive(Clone, Debug)]
pub struct Member {
    /// Description for its rows.
    pub info: Arc<CaptureInfo>,
    /// The capture as the dump lists it: its run, first token and path.
    pub capture: Arc<Capture>,
    /// Keys.
    pub k: Tensor,
    /// Values.
    pub v: Tensor,
}

/// Work that no report file needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// Whether compressed streams are to be decoded again and compared.
    pub verify: bool,
    /// Whether rounding to nearest is to be measured where mantissas are cut.
    pub rounding: bool,
}

/// Captures that are measured together.
#[derive(Clone, Debug)]
pub struct Unit {
    first: Member,
    more: Vec<Member>,
    queries: Vec<(Arc<Queries>, Tensor)>,
    extras: Extras,
    cancel: Arc<AtomicBool>,
}

impl Unit {
    /// A unit of these captures; `None` where there are none.
    pub(super) fn new(
        members: Vec<Member>,
        queries: Vec<(Arc<Queries>, Tensor)>,
        extras: Extras,
        cancel: Arc<AtomicBool>,
    ) -> Option<Self> {
        let mut members = members.into_iter();
        Some(Self {
            first: members.next()?,
            more: members.collect(),
            queries,
            extras,
            cancel,
        })
    }

    /// The first capture, which is the only one for [`Units::Captures`].
    pub fn capture(&self) -> &Member {
        &self.first
    }

    /// Captures in dump order, without those that could not be read.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// Captured queries of the layer, `[positions, heads, head_dim]`; empty for units of a single capture.
    pub fn queries(&self) -> &[(Arc<Queries>, Tensor)] {
        &self.queries
    }

    /// What is to be done beyond the report files.
    pub fn extras(&self) -> Extras {
        self.extras
    }

    /// Work on a unit that takes longer than a tenth of a second calls this now and then.
    ///
    /// # Errors
    /// [`MeasureError::Cancelled`] once the job was cancelled.
    pub fn go_on(&self) -> Result<(), MeasureError> {
        match self.cancel.load(Ordering::Relaxed) {
            true => Err(MeasureError::Cancelled),
            false => Ok(()),
        }
    }
}

/// An analysis with its settings.
pub trait Analysis: Send + Sync {
    /// Result of measuring a unit.
    type Found: Found;

    /// What it measures together.
    fn units(&self) -> Units {
        Units::Captures
    }

    /// Whether the analysis measures this capture (a choice by layer). Filters by stage and length are [`super::Filter`]'s.
    fn selects(&self, capture: &CaptureInfo) -> bool;

    /// Number of ways in which each unit is measured: the grid points of a sweep.
    fn combinations(&self) -> usize {
        1
    }

    /// The passes over the dump, at most (see [`Fold::again`]): the part of all work that each usually is.
    fn passes(&self) -> &'static [f64] {
        &[1.0]
    }

    /// Measures one unit. Pure; may use [`crate::par`].
    ///
    /// # Errors
    /// When a verified frame does not decode to what was compressed, or the job was cancelled.
    fn measure(&self, unit: &Unit) -> Result<Self::Found, MeasureError>;

    /// An empty fold. `folder` is where the reports will be, for reports that mention it.
    fn fold(&self, folder: &str) -> Box<dyn Fold<Self::Found>>;

    /// The tensors that are compressed for `tensor`: a benchmark gives them to other compressors.
    fn compressed(&self, capture: &CaptureInfo, tensor: &Tensor) -> Vec<Tensor> {
        let _ = (capture, tensor);
        Vec::new()
    }
}

/// Result of measuring a unit.
pub trait Found: Send + 'static {
    /// Rows, which a page shows as they come.
    fn rows(&self) -> &[Row] {
        &[]
    }

    /// A result made of `rows` alone, so that rows that were measured elsewhere can be folded; `None` where a result is more than rows.
    fn of_rows(_: Vec<Row>) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
}

impl Found for Vec<Row> {
    fn rows(&self) -> &[Row] {
        self
    }

    fn of_rows(rows: Vec<Row>) -> Option<Self> {
        Some(rows)
    }
}

/// Takes in results in dump order and makes the report. The report's name, settings and problems are filled in afterwards.
pub trait Fold<F>: Send {
    /// Takes in the result of the next unit.
    fn push(&mut self, found: F);

    /// Called after all units, as often as [`Analysis::passes`] allows: how to measure them once more. `None` ends the analysis.
    fn again(&mut self) -> Option<Arc<dyn Analysis<Found = F>>> {
        None
    }

    /// A report on the results so far, and on `waiting`, whose turn has not come; `None` where it can be made only at the end.
    fn so_far(&self, _waiting: &[&F]) -> Option<Report> {
        None
    }

    /// The report on all results.
    fn finish(self: Box<Self>) -> Report;
}
