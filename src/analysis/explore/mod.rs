//! Explore: how small a cache can get within an error that the model would not notice. Every scheme on K and V of every layer, the
//! smallest within a limit for each engine and class, and these once more with all queries, their bytes written and read back.
//!
//! A unit is a run's layer. The first time through the dump tries every candidate ([`measure`]), then [`plan`] says which pairs are looked
//! at closely the second time. Errors are those of [`crate::metrics`], schemes those of [`crate::scheme`].

mod candidate;
mod choose;
mod explored;
mod facts;
mod files;
mod fold;
mod layer;
mod measure;
mod plan;
mod points;
mod settings;
mod steps;
mod treat;

pub use candidate::{Class, Engine};
pub use explored::{Choice, Explored, Fact, FrontPoint, LayerRow, Point, StepGain};
pub use settings::LimitKind;

use super::error::MeasureError;
use super::report::CaptureInfo;
use super::spec::{AnalysisSpec, Variants, ready};
use super::unit::{Analysis, Fold, Unit, Units};
use fold::ExploreFold;
use measure::{LayerFound, Look};
use settings::ExploreSettings;

/// What it is.
pub fn spec() -> AnalysisSpec {
    AnalysisSpec {
        name: "explore",
        label: "Explore",
        help: "How small the cache can get: every scheme, and the smallest within a limit.",
        variants: Variants::Many,
        variant_noun: "scheme",
        variant_analysis: None,
        measures_lossless: true,
        charts: &[],
        params: settings::params(),
        speed_target: None,
        build: |settings| Ok(ready(Explore::new(settings.try_into()?))),
    }
}

/// One time through the dump.
struct Explore {
    settings: ExploreSettings,
    look: Look,
}

impl Explore {
    /// The first time.
    fn new(settings: ExploreSettings) -> Self {
        let candidates = candidate::field(&settings.classes, &settings.steps);
        Self {
            settings,
            look: Look::Field(candidates),
        }
    }
}

impl Analysis for Explore {
    type Found = LayerFound;

    fn units(&self) -> Units {
        Units::Layers
    }

    fn selects(&self, _: &CaptureInfo) -> bool {
        true
    }

    fn passes(&self) -> usize {
        2
    }

    fn measure(&self, unit: &Unit) -> Result<LayerFound, MeasureError> {
        measure::measure(unit, &self.settings, &self.look)
    }

    fn fold(&self, _: &str) -> Box<dyn Fold<LayerFound>> {
        let candidates = match &self.look {
            Look::Field(candidates) => candidates.clone(),
            Look::Pairs(..) => Vec::new(),
        };
        Box::new(ExploreFold::new(self.settings.clone(), candidates))
    }
}
