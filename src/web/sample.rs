//! Takes a few captures from all over a dump, for an estimate before the whole is measured.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::analysis::Plan;
use crate::dump::Dump;

/// Size of a sample.
#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "what", rename_all = "camelCase")]
pub enum Sample {
    /// Evenly spaced captures: at least one, and about as many as make `bytes` of work.
    Captures {
        /// Amount of work: bytes of K and V, times combinations.
        bytes: u64,
    },
    /// All captures of evenly spaced layers.
    Layers {
        /// Number of layers; at least one is taken.
        layers: usize,
    },
}

impl Sample {
    /// Takes the sample from the captures that the plan covers.
    pub fn of(self, dump: &Dump, plan: &Plan) -> Dump {
        let all: Vec<usize> = plan.indices().collect();
        let kept: BTreeSet<usize> = match self {
            Self::Captures { bytes } => {
                let work = plan
                    .bytes()
                    .saturating_mul(plan.combinations().max(1) as u64);
                let each = (work / all.len().max(1) as u64).max(1);
                spread(&all, (bytes / each) as usize).into_iter().collect()
            }
            Self::Layers { layers } => {
                let mut by_layer: BTreeMap<(&str, i64), Vec<usize>> = BTreeMap::new();
                for index in all {
                    let capture = &dump.captures[index];
                    let layer = (capture.run.as_str(), capture.layer_id);
                    by_layer.entry(layer).or_default().push(index);
                }
                let captures: Vec<Vec<usize>> = by_layer.into_values().collect();
                spread(&captures, layers).into_iter().flatten().collect()
            }
        };
        let captures = dump.captures.iter().enumerate();
        let mut sample = dump.clone();
        sample.captures = captures
            .filter(|(index, _)| kept.contains(index))
            .map(|(_, capture)| capture.clone())
            .collect();
        sample
    }
}

/// Takes `count` elements, at least one: the middle of each of `count` equal parts.
fn spread<T: Clone>(all: &[T], count: usize) -> Vec<T> {
    let count = count.clamp(1, all.len().max(1));
    (0..count)
        .filter_map(|part| all.get((2 * part + 1) * all.len() / (2 * count)).cloned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_takes_the_middle_of_each_part_and_never_nothing() {
        let all: Vec<usize> = (0..12).collect();
        assert_eq!(spread(&all, 3), [2, 6, 10]);
        assert_eq!(spread(&all, 0), [6]);
        assert_eq!(spread(&all, 99), all);
        assert_eq!(spread(&all[..0], 3), [0; 0]);
    }
}
