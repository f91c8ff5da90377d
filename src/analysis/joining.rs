//! A report made of rows that were measured elsewhere: what one run would have folded, in the same order.

use super::caveats::{Caveats, Mends};
use super::report::{Report, Row};
use super::settings::Settings;
use super::unit::Fold;
use crate::dump::Problem;

/// Takes in rows in dump order; see [`super::Job::joining`].
pub struct Joining {
    pub(super) analysis: &'static str,
    pub(super) settings: Settings,
    pub(super) mends: Mends,
    pub(super) rows_of_capture: usize,
    pub(super) fold: Box<dyn Fold<Vec<Row>>>,
}

impl Joining {
    /// How many rows a capture has.
    pub fn rows_of_capture(&self) -> usize {
        self.rows_of_capture
    }

    /// The rows of the next capture in dump order, one for each variant.
    pub fn push(&mut self, rows: Vec<Row>) {
        self.fold.push(rows);
    }

    /// The report, with the problems that were met, in dump order, and what the captures showed.
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
