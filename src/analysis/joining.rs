//! A report from rows that were measured elsewhere: the same fold, in the same order, as in a single run.

use super::caveats::{Caveats, Mends};
use super::report::{Report, Row};
use super::settings::Settings;
use super::unit::Fold;
use crate::dump::Problem;

/// Takes rows in dump order and makes a report of them; see [`super::Job::joining`].
pub struct Joining {
    pub(super) analysis: &'static str,
    pub(super) settings: Settings,
    pub(super) mends: Mends,
    pub(super) rows_of_capture: usize,
    pub(super) fold: Box<dyn Fold<Vec<Row>>>,
}

impl Joining {
    /// Number of rows for each capture.
    pub fn rows_of_capture(&self) -> usize {
        self.rows_of_capture
    }

    /// Adds the rows of the next capture in dump order, one for each variant.
    pub fn push(&mut self, rows: Vec<Row>) {
        self.fold.push(rows);
    }

    /// The report on the rows so far, with the problems of the parts (in dump order) and what their captures showed.
    pub fn finish(self, problems: Vec<Problem>, signs: Caveats) -> Report {
        Report {
            analysis: self.analysis,
            settings: self.settings,
            problems,
            caveats: signs.list(&self.mends),
            signs,
            ..self.fold.finish()
        }
    }
}
