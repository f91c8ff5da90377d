//! The analyses that apply a method of the reference to a whole dump.

use super::candidate::{BLOCK, Method};
use crate::analysis::{Preset, block_norm, mixed};

/// The analysis that applies this method, with its settings; `None` where none does.
pub fn preset_of(method: &Method) -> Option<Preset> {
    match *method {
        Method::Truncate(bits) => Some(mixed::preset(mixed::Method::Truncate, bits)),
        Method::Quantize(bits) => Some(mixed::preset(mixed::Method::Quantize, bits)),
        Method::BlockNorm(bits) => Some(block_norm::preset(BLOCK, bits)),
        Method::Round(_) | Method::Scheme(_) | Method::Lossless | Method::Coded(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::candidate::{Class, field};
    use super::*;
    use crate::analysis::Job;

    #[test]
    fn the_analyses_know_the_settings_of_their_methods() {
        let candidates = field(&[Class::Reference], &[], false);
        let presets = candidates.iter().map(|candidate| &candidate.method);
        let presets: Vec<Preset> = presets.filter_map(preset_of).collect();
        assert_eq!(presets.len(), 9);
        for Preset { analysis, settings } in presets {
            assert!(Job::new(analysis, settings.clone()).is_ok(), "{settings:?}");
        }
    }
}
