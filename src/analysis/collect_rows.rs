//! Shared by most analyses: one row for each variant of a capture, all of them kept for a report that is made at the end.

use super::compression::{Captured, both};
use super::error::MeasureError;
use super::report::{Report, Row, TensorRow, Variant};
use super::unit::{Fold, Unit};
use super::weighted::Collected;
use std::sync::Arc;

/// The rows of a capture's lossy variants, in the order of the variants; `measure` returns each tensor's part of them.
pub fn lossy_rows(
    unit: &Unit,
    variants: &[Arc<Variant>],
    measure: impl Fn(&Captured) -> Result<Vec<TensorRow>, MeasureError> + Sync,
) -> Result<Vec<Row>, MeasureError> {
    let (k, v) = both(unit, measure)?;
    let row = |((k, v), variant): ((TensorRow, TensorRow), &Arc<Variant>)| Row {
        capture: Arc::clone(&unit.capture().info),
        lossless: false,
        variant: Arc::clone(variant),
        k,
        v,
    };
    Ok(k.into_iter().zip(v).zip(variants).map(row).collect())
}

/// A fold that keeps all rows, and passes them to `report` at the end.
pub struct CollectRows<R> {
    collected: Collected,
    report: R,
}

impl<R: FnOnce(Collected) -> Report + Send> CollectRows<R> {
    /// An empty fold, for captures with one row for each of `variants`.
    pub fn new(variants: impl IntoIterator<Item = Variant>, report: R) -> Self {
        Self {
            collected: Collected::new(variants, true),
            report,
        }
    }
}

impl<R: FnOnce(Collected) -> Report + Send> Fold<Vec<Row>> for CollectRows<R> {
    fn push(&mut self, rows: Vec<Row>) {
        self.collected.push(rows);
    }

    fn finish(self: Box<Self>) -> Report {
        (self.report)(self.collected)
    }
}
