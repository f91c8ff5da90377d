//! Explore: how small a cache can get within an error that the model would not notice. Tries every scheme on K and V of every layer, finds
//! the smallest within a limit for each engine and class, then measures those with more queries and writes and reads back their bytes.
//!
//! A unit is a layer of a run. The first pass over the dump tries every candidate (`measure`). `plan` chooses the pairs that the second
//! pass measures again, and the third pass writes and reads back what is chosen among them (`confirm`). Errors are those of
//! [`crate::metrics`], schemes those of [`crate::scheme`].

mod answer;
mod candidate;
mod choose;
mod confirm;
pub(super) mod explored;
mod facts;
mod files;
mod fold;
mod found;
mod known;
mod layer;
mod measure;
mod plan;
mod points;
mod presets;
mod refine;
mod settings;
mod steps;
mod treat;

pub use candidate::{Class, Engine};
pub use explored::{
    Chosen, Explored, Fact, FrontPoint, KL_BY_ATTENTION_ERROR, LayerRow, Point, StepGain,
};
pub use settings::LimitKind;

use super::spec::{AnalysisSpec, Variants, ready};
use fold::Explore;

/// Spec of explore.
pub fn spec() -> AnalysisSpec {
    AnalysisSpec {
        name: "explore",
        label: "Explore",
        help: "How small the cache can get: every scheme, and the smallest within a limit.",
        variants: Variants::None,
        variant_noun: "scheme",
        variant_analysis: None,
        measures_lossless: true,
        charts: &["front", "steps"],
        params: settings::params(),
        speed_target: None,
        build: |settings| Ok(ready(Explore::new(settings.try_into()?))),
    }
}
