//! An analysis with settings, as a report names it.

use std::collections::BTreeMap;

use serde::Serialize;

/// An analysis with some of its settings; the others have their defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Preset {
    /// Name of the analysis.
    pub analysis: &'static str,
    /// Values as on the command line, by flag.
    pub settings: BTreeMap<&'static str, String>,
}

impl Preset {
    /// An analysis with these settings, applied to every layer.
    pub(super) fn of_all_layers<const N: usize>(
        analysis: &'static str,
        settings: [(&'static str, String); N],
    ) -> Self {
        let all = ("lossless-first-n", "0".to_owned());
        Self {
            analysis,
            settings: settings.into_iter().chain([all]).collect(),
        }
    }
}
