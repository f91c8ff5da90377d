//! The analyses. Each has its settings (one list of [`ParamSpec`]s that the command line's flags, the page's form and the share
//! link are made from), a pure function from one capture to its rows, and a fold of the rows into a [`Report`].

mod block_norm;
mod common;
mod error;
mod gather;
mod grid;
pub mod inspect;
mod job;
mod lossy_compare;
mod mixed;
mod plan;
mod rows;
mod session;
pub mod settings;
mod streams;
mod sweep;
mod tally;

pub use error::{JobError, MeasureError};
pub use job::Job;
pub use plan::{Filter, Plan};
pub use rows::{
    CaptureInfo, Group, NonFinite, Report, ReportFile, Row, TensorRow, Variant, Weighted,
};
pub use session::{Progress, Session};
pub use settings::{Kind, ParamSpec, Settings, SettingsError, SettingsErrors, Value};

use crate::tensor::Tensor;
use std::sync::Arc;

/// An analysis as a user chooses it. Serialises to JSON with its settings, for the page's form.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AnalysisSpec {
    /// The command line's name: `mixed`.
    pub name: &'static str,
    /// The name on the page.
    pub label: &'static str,
    /// What it answers, in a sentence.
    pub help: &'static str,
    /// Its settings: the method's first, then those that all analyses have.
    pub params: Vec<ParamSpec>,
}

/// The analyses, in the order that they are offered in.
pub fn specs() -> Vec<AnalysisSpec> {
    let spec = |name, label, help, own: Vec<ParamSpec>| AnalysisSpec {
        name,
        label,
        help,
        params: own.into_iter().chain(common::specs()).collect(),
    };
    vec![
        spec(
            mixed::NAME,
            "Mixed",
            "First N layers lossless, the rest truncated or quantized.",
            mixed::specs(),
        ),
        spec(
            block_norm::NAME,
            "Block-norm",
            "Blocks normalised by their greatest value and quantized.",
            block_norm::specs(),
        ),
        spec(
            sweep::NAME,
            "Sweep",
            "Block-norm over a grid of block sizes, top-k ratios and bits.",
            sweep::specs(),
        ),
        spec(
            lossy_compare::NAME,
            "Compare",
            "Clipping, quantizing, and both, side by side.",
            lossy_compare::specs(),
        ),
    ]
}

/// The analysis of this name, one of [`specs`], with these settings.
fn build(name: &str, settings: Settings, verify: bool) -> Arc<dyn Analysis> {
    match name {
        mixed::NAME => Arc::new(mixed::Mixed::new(settings, verify)),
        block_norm::NAME => Arc::new(block_norm::BlockNorm::new(settings, verify)),
        sweep::NAME => Arc::new(sweep::Sweep::new(settings, verify)),
        _ => Arc::new(lossy_compare::LossyCompare::new(settings, verify)),
    }
}

/// Files that an analysis writes only where it has rows for them, and has not this time: one from an earlier run would contradict the
/// others.
pub fn superseded_files(report: &Report) -> Vec<&'static str> {
    let optional: &[&str] = match report.analysis {
        mixed::NAME => &[mixed::ERRORS_FILE],
        _ => &[],
    };
    let written = |name: &str| report.files.iter().any(|file| file.name == name);
    optional
        .iter()
        .copied()
        .filter(|name| !written(name))
        .collect()
}

/// One analysis with its settings.
pub trait Analysis: Send + Sync {
    /// Whether the analysis has rows for this capture (by its layer). The filters by stage and length are [`Filter`]'s.
    fn selects(&self, capture: &CaptureInfo) -> bool;

    /// In how many ways each capture is measured.
    fn combinations(&self) -> usize;

    /// The rows of one capture: pure, uses [`crate::par`] inside.
    ///
    /// # Errors
    /// Only where frames are verified, and one does not decode to what went in.
    fn measure(
        &self,
        capture: &Arc<CaptureInfo>,
        k: &Tensor,
        v: &Tensor,
    ) -> Result<Vec<Row>, MeasureError>;

    /// An empty fold, to which the rows are given in dump order. `folder` is where the reports will lie, for reports that name it.
    fn fold(&self, folder: &str) -> Box<dyn Fold>;
}

/// Takes rows in dump order and makes the report of them.
pub trait Fold: Send {
    /// The rows of the next capture.
    fn push(&mut self, rows: Vec<Row>);

    /// The report on all rows.
    fn finish(self: Box<Self>) -> Report;
}
