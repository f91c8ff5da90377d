//! What most analyses do alike with rows: one for every variant of a capture, and all kept for a report that is made of them at the end.

use super::rows::{CaptureInfo, Report, Row, TensorRow, Variant};
use super::settings::Settings;
use super::streams::{Captured, both};
use super::tally::Collected;
use super::{Fold, MeasureError};
use crate::tensor::Tensor;
use std::sync::Arc;

/// The rows of a capture's lossy variants; `measure` gives one tensor's part of each, in their order.
pub fn lossy_rows(
    capture: &Arc<CaptureInfo>,
    k: &Tensor,
    v: &Tensor,
    variants: &[Arc<Variant>],
    measure: impl Fn(&Captured) -> Result<Vec<TensorRow>, MeasureError> + Sync,
) -> Result<Vec<Row>, MeasureError> {
    let (k, v) = both(k, v, measure)?;
    let row = |((k, v), variant): ((TensorRow, TensorRow), &Arc<Variant>)| Row {
        capture: Arc::clone(capture),
        lossless: false,
        variant: Arc::clone(variant),
        k,
        v,
    };
    Ok(k.into_iter().zip(v).zip(variants).map(row).collect())
}

/// A fold that keeps all rows.
pub struct Gather {
    settings: Settings,
    collected: Collected,
    report: fn(Settings, Collected) -> Report,
}

impl Gather {
    /// Nothing yet, for captures of one row for each of `variants`; `report` is what is made of all.
    pub fn new(
        settings: &Settings,
        variants: impl IntoIterator<Item = Variant>,
        report: fn(Settings, Collected) -> Report,
    ) -> Self {
        Self {
            settings: settings.clone(),
            collected: Collected::new(variants, true),
            report,
        }
    }
}

impl Fold for Gather {
    fn push(&mut self, rows: Vec<Row>) {
        self.collected.push(rows);
    }

    fn finish(self: Box<Self>) -> Report {
        (self.report)(self.settings, self.collected)
    }
}
