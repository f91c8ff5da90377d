//! The description of an analysis: all that others need to know of it, so that no other file tests for an analysis by name.

use super::error::JobError;
use super::param::ParamSpec;
use super::plan::{Filter, Plan};
use super::report::{CaptureInfo, Report, Row};
use super::session::Session;
use super::settings::{Settings, SettingsError};
use super::task::{Setup, Task};
use super::unit::{Analysis, Fold, Found};
use crate::dump::Dump;
use crate::tensor::Tensor;
use serde::Serialize;
use std::sync::Arc;

/// How many rows an analysis has for each capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Variants {
    /// One row: each layer has one ratio and one error.
    One,
    /// One row for each combination or method, so that they can be compared.
    Many,
    /// No rows: whole layers are measured, and the report is the smallest choices within a limit.
    None,
}

/// Description of an analysis. Serialises with its settings, for the page's form.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct AnalysisSpec {
    /// Name on the command line: `mixed`.
    pub name: &'static str,
    /// Name on the page.
    pub label: &'static str,
    /// What question it answers, in one sentence.
    pub help: &'static str,
    /// Whether a capture has one row, several or none.
    pub variants: Variants,
    /// What a variant is called: `combination`, `method`.
    pub variant_noun: &'static str,
    /// Name of the analysis that can be run with a variant's settings, where there is one.
    pub variant_analysis: Option<&'static str>,
    /// Whether it has rows for lossless layers.
    pub measures_lossless: bool,
    /// Names of the page's charts that suit its report, the most useful first.
    pub charts: &'static [&'static str],
    /// Settings: the method's own first, then shared ones.
    pub params: Vec<ParamSpec>,
    /// Target for its time, relative to C libzstd alone on the same streams; absent where compression is not the bottleneck.
    #[serde(skip)]
    pub speed_target: Option<f64>,
    /// Builds the analysis from settings that match [`AnalysisSpec::params`].
    #[serde(skip)]
    pub(super) build: fn(&Settings) -> Result<Built, SettingsError>,
}

/// An analysis with its settings, ready to run.
pub(super) type Built = Box<dyn Ready>;

/// An analysis, independent of the type of its results.
pub(super) trait Ready: Send + Sync {
    /// The captures that it would measure.
    fn plan(&self, dump: &Dump, filter: &Filter) -> Plan;

    /// Starts the analysis.
    fn start(&self, dump: &Dump, plan: Plan, setup: Setup) -> Result<Box<dyn Session>, JobError>;

    /// Whether rows are enough to make its report: not for explore, which measures whole layers, more than once.
    fn is_by_rows(&self) -> bool;

    /// A fold of rows, for analyses whose reports are made of rows.
    fn fold_rows(&self, folder: &str) -> Box<dyn Fold<Vec<Row>>>;

    /// Number of rows for each capture.
    fn rows_of_capture(&self) -> usize;

    /// See [`Analysis::compressed`].
    fn compressed(&self, capture: &CaptureInfo, tensor: &Tensor) -> Vec<Tensor>;
}

/// Wraps an analysis so that it can be run whatever its results are.
pub(super) fn ready(analysis: impl Analysis + 'static) -> Built {
    Box::new(ReadyAnalysis(Arc::new(analysis)))
}

struct ReadyAnalysis<A>(Arc<A>);

impl<A: Analysis + 'static> Ready for ReadyAnalysis<A> {
    fn plan(&self, dump: &Dump, filter: &Filter) -> Plan {
        Plan::new(dump, filter, &*self.0)
    }

    fn start(&self, dump: &Dump, plan: Plan, setup: Setup) -> Result<Box<dyn Session>, JobError> {
        Ok(Box::new(Task::new(dump, self.0.clone(), plan, setup)?))
    }

    fn is_by_rows(&self) -> bool {
        A::Found::of_rows(Vec::new()).is_some()
    }

    fn fold_rows(&self, folder: &str) -> Box<dyn Fold<Vec<Row>>> {
        Box::new(RowsFold(self.0.fold(folder)))
    }

    fn rows_of_capture(&self) -> usize {
        self.0.combinations()
    }

    fn compressed(&self, capture: &CaptureInfo, tensor: &Tensor) -> Vec<Tensor> {
        self.0.compressed(capture, tensor)
    }
}

/// Adapts a fold of results to take rows.
struct RowsFold<F>(Box<dyn Fold<F>>);

impl<F: Found> Fold<Vec<Row>> for RowsFold<F> {
    fn push(&mut self, rows: Vec<Row>) {
        if let Some(found) = F::of_rows(rows) {
            self.0.push(found);
        }
    }

    fn finish(self: Box<Self>) -> Report {
        self.0.finish()
    }
}
