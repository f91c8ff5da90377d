//! The captures of each unit, and which of them have been read.

use super::plan::Plan;
use super::report::CaptureInfo;
use super::unit::Units;
use crate::dump::{Dump, Fetched, Queries};
use std::collections::HashMap;
use std::sync::Arc;

/// The captures of a unit, and those that have been read so far.
pub(super) struct UnitState {
    pub captures: Vec<Arc<CaptureInfo>>,
    pub arrived: Vec<(usize, Fetched)>,
    /// Queries of the layer; empty for units of a single capture.
    pub queries: Vec<Arc<Queries>>,
    pub left: usize,
    pub bytes: u64,
}

/// Groups the captures of a plan into units.
pub(super) fn units(dump: &Dump, plan: &Plan, kind: Units) -> Vec<UnitState> {
    let mut units: Vec<UnitState> = Vec::new();
    let mut layers: HashMap<(&str, i64), usize> = HashMap::new();
    let mut queries: HashMap<(&str, i64), Vec<Arc<Queries>>> = HashMap::new();
    if kind == Units::Layers {
        for described in &dump.queries {
            let layer = (described.run.as_str(), described.layer_id);
            queries
                .entry(layer)
                .or_default()
                .push(Arc::clone(described));
        }
    }
    let queries_of = |info: &CaptureInfo| {
        let layer = (dump.captures[info.index].run.as_str(), info.layer_id);
        queries.get(&layer).cloned().unwrap_or_default()
    };
    for info in &plan.captures {
        let place = match kind {
            Units::Captures => units.len(),
            Units::Layers => {
                let run = dump.captures[info.index].run.as_str();
                *layers.entry((run, info.layer_id)).or_insert(units.len())
            }
        };
        if place == units.len() {
            units.push(UnitState {
                captures: Vec::new(),
                arrived: Vec::new(),
                queries: queries_of(info),
                left: 0,
                bytes: 0,
            });
        }
        let unit = &mut units[place];
        unit.captures.push(Arc::clone(info));
        unit.left += 1;
        unit.bytes += info.bytes();
    }
    units
}

/// The capture with this index in the dump. `captures` are in dump order.
pub(super) fn find(captures: &[Arc<CaptureInfo>], index: usize) -> Option<&Arc<CaptureInfo>> {
    let place = captures.binary_search_by_key(&index, |info| info.index);
    place.ok().map(|place| &captures[place])
}
