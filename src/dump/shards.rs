//! Shards: which files an index declares to be one, and which are missing by their own numbering.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::arrays::array::ArrayGroup;
use super::arrays::shards::Shard;
use super::format::format_of;
use super::problem::{Fault, Problem};

/// Most missing shards that are listed by number.
const MAX_LISTED: usize = 10;

/// Tells each group of arrays which whole file it is a shard of, according to the shard index.
pub(super) fn join(groups: &mut [ArrayGroup], index: &HashMap<String, String>) {
    for group in groups {
        group.hints.whole = index.get(&group.path).cloned();
    }
}

/// Shards that are missing by the numbering of those present. Where an index lists any of them, it reports the missing
/// ones itself.
pub(super) fn missing<'a>(
    paths: impl Iterator<Item = &'a str>,
    index: &HashMap<String, String>,
) -> Vec<Problem> {
    let mut wholes: BTreeMap<(String, u32), BTreeSet<u32>> = BTreeMap::new();
    for path in paths {
        let is_open = format_of(path).is_some() && !index.contains_key(path);
        if let Some(shard) = Shard::of(path).filter(|_| is_open) {
            let numbers = wholes.entry((shard.whole, shard.count)).or_default();
            numbers.insert(shard.number);
        }
    }
    let problem = |((whole, count), there): ((String, u32), BTreeSet<u32>)| {
        let missing = (1..=count).filter(|number| !there.contains(number));
        let numbers: Vec<String> = missing.take(MAX_LISTED).map(|at| at.to_string()).collect();
        let more = (count as usize).saturating_sub(there.len() + numbers.len());
        let more = match more {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!numbers.is_empty()).then(|| {
            let numbers = numbers.join(", ");
            let why = format!("of its {count} shards these are missing: {numbers}{more}");
            Problem::new(whole, Fault::Broken(why))
        })
    };
    wholes.into_iter().filter_map(problem).collect()
}
