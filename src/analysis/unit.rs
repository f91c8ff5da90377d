//! What an analysis does: it measures units of a dump, in any order and on any thread, and folds what it found in dump order.

use super::error::MeasureError;
use super::report::{CaptureInfo, Report, Row};
use crate::dump::{Capture, Queries};
use crate::tensor::Tensor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is read, measured and freed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// Each capture by itself.
    Captures,
    /// The captures of a layer of a run, all of them.
    Layers,
}

/// One of a unit's captures, read.
#[derive(Clone, Debug)]
pub struct Member {
    /// What rows say about it.
    pub info: Arc<CaptureInfo>,
    /// The capture: its run, its first token and where it is from.
    pub capture: Arc<Capture>,
    /// The keys.
    pub k: Tensor,
    /// The values.
    pub v: Tensor,
}

/// What is measured at once.
#[derive(Clone, Debug)]
pub struct Unit {
    first: Member,
    more: Vec<Member>,
    queries: Vec<(Arc<Queries>, Tensor)>,
    verify: bool,
    cancel: Arc<AtomicBool>,
}

impl Unit {
    /// Of these captures; nothing where there are none.
    pub(super) fn new(
        members: Vec<Member>,
        queries: Vec<(Arc<Queries>, Tensor)>,
        verify: bool,
        cancel: Arc<AtomicBool>,
    ) -> Option<Self> {
        let mut members = members.into_iter();
        Some(Self {
            first: members.next()?,
            more: members.collect(),
            queries,
            verify,
            cancel,
        })
    }

    /// The capture of a unit of one, the first of others.
    pub fn capture(&self) -> &Member {
        &self.first
    }

    /// Its captures in dump order; those that could not be read are not among them.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// The captured queries of a layer, `[positions, heads, head_dim]`; none for units of one capture.
    pub fn queries(&self) -> &[(Arc<Queries>, Tensor)] {
        &self.queries
    }

    /// Whether what is compressed is to be decoded again and compared.
    pub fn verify(&self) -> bool {
        self.verify
    }

    /// Whether nobody wants the result any more. Work on a unit that takes longer than a tenth of a second looks now and then, and ends
    /// with [`MeasureError::Cancelled`].
    pub fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
}

/// One analysis with its settings.
pub trait Analysis: Send + Sync {
    /// What measuring a unit finds.
    type Found: Found;

    /// What a unit is.
    fn units(&self) -> Units {
        Units::Captures
    }

    /// Whether the analysis measures this capture (by its layer). The filters by stage and length are [`super::Filter`]'s.
    fn selects(&self, capture: &CaptureInfo) -> bool;

    /// In how many ways each unit is measured: the grid points of the sweep.
    fn combinations(&self) -> usize {
        1
    }

    /// How many times it goes through the dump at most: see [`Fold::again`].
    fn passes(&self) -> usize {
        1
    }

    /// Measures one unit: pure, uses [`crate::par`] inside.
    ///
    /// # Errors
    /// Where frames are verified, and one does not decode to what went in; or when it was cancelled.
    fn measure(&self, unit: &Unit) -> Result<Self::Found, MeasureError>;

    /// An empty fold. `folder` is where the reports will lie, for reports that name it.
    fn fold(&self, folder: &str) -> Box<dyn Fold<Self::Found>>;

    /// The tensors whose streams are compressed for this tensor of a capture: what a benchmark gives to another compressor.
    fn compressed(&self, capture: &CaptureInfo, tensor: &Tensor) -> Vec<Tensor> {
        let _ = (capture, tensor);
        Vec::new()
    }
}

/// What measuring a unit finds.
pub trait Found: Send + 'static {
    /// Its rows, which a page shows as they come.
    fn rows(&self) -> &[Row] {
        &[]
    }

    /// What these rows are of, where rows are all that is found: then rows that were measured elsewhere can be folded.
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

/// Takes in what was found, in dump order, and makes the report of it. The report's name, settings and problems are filled in behind it.
pub trait Fold<F>: Send {
    /// What was found in the next unit.
    fn push(&mut self, found: F);

    /// After all units, while [`Analysis::passes`] allows: how they are to be measured once more. Nothing ends the analysis.
    fn again(&mut self) -> Option<Arc<dyn Analysis<Found = F>>> {
        None
    }

    /// The report on what is known so far, where it can tell.
    fn so_far(&self) -> Option<Report> {
        None
    }

    /// The report on everything.
    fn finish(self: Box<Self>) -> Report;
}
