//! An analysis as a user chooses it, and all that others need to know of it: nobody else asks for an analysis by its name.

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

/// How many rows an analysis gives for a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Variants {
    /// One: a layer has one ratio and one error.
    One,
    /// One for each combination or method, which are compared.
    Many,
}

/// An analysis. Serialises with its settings, for the page's form.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct AnalysisSpec {
    /// The command line's name: `mixed`.
    pub name: &'static str,
    /// The name on the page.
    pub label: &'static str,
    /// What it answers, in a sentence.
    pub help: &'static str,
    /// How many rows a capture has.
    pub variants: Variants,
    /// What one of its variants is called: `combination`, `method`.
    pub variant_noun: &'static str,
    /// The analysis that takes a variant's settings, by its name, where one does.
    pub variant_analysis: Option<&'static str>,
    /// Whether it has rows for the layers that stay lossless.
    pub measures_lossless: bool,
    /// The charts that suit its report, most telling first, by the names that the page gives them.
    pub charts: &'static [&'static str],
    /// Its settings: the method's first, then those that other analyses have too.
    pub params: Vec<ParamSpec>,
    /// The time that it may take, in that of C libzstd alone on the same streams; absent where it is not bound by compression.
    #[serde(skip)]
    pub speed_target: Option<f64>,
    /// Makes the analysis with settings of [`AnalysisSpec::params`].
    #[serde(skip)]
    pub(super) build: fn(&Settings) -> Result<Built, SettingsError>,
}

/// An analysis with its settings, ready to be run.
pub(super) type Built = Box<dyn Ready>;

/// An analysis, whatever the type of what it finds.
pub(super) trait Ready: Send + Sync {
    /// What it would go through.
    fn plan(&self, dump: &Dump, filter: &Filter) -> Plan;

    /// Starts it.
    fn start(&self, dump: &Dump, plan: Plan, setup: Setup) -> Result<Box<dyn Session>, JobError>;

    /// Whether a report can be made of rows alone: not of explore, which measures whole layers, twice.
    fn is_by_rows(&self) -> bool;

    /// A fold of rows, for analyses that are by rows.
    fn fold_rows(&self, folder: &str) -> Box<dyn Fold<Vec<Row>>>;

    /// Rows of a capture.
    fn rows_of_capture(&self) -> usize;

    /// See [`Analysis::compressed`].
    fn compressed(&self, capture: &CaptureInfo, tensor: &Tensor) -> Vec<Tensor>;
}

/// An analysis that is ready to be run.
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

/// A fold of what is found, as one of rows.
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
