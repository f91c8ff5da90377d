//! From named arrays to captures: which array is K or V of which layer.

use std::collections::BTreeMap;

use super::array::ArrayGroup;
use super::axes::Axes;
use super::family::Family;
use super::infer::Maker;
use super::making::MAX_ALL_PLACES;
use super::mapping::Mapping;
use super::meaning::{Site, fits, meaning};
use super::members::{Member, Understood};
use super::shards::Shard;
use super::suggest::MAX_NAMES;
use super::unnamed::report_unnamed;
use crate::dump::problem::Problems;

/// Makes captures of the arrays in `groups`.
pub(crate) fn understand(groups: Vec<ArrayGroup>, mapping: &Mapping) -> Understood {
    let paths: Vec<String> = groups.iter().map(|group| group.path.clone()).collect();
    let mut understood = Understood {
        captures: Vec::new(),
        guesses: Vec::new(),
        problems: Problems::default(),
        unnamed: BTreeMap::new(),
        places_left: MAX_ALL_PLACES,
    };
    let mut families: BTreeMap<(String, usize, bool), Family> = BTreeMap::new();
    let mut unnamed = Vec::new();
    for (index, group) in groups.into_iter().enumerate() {
        let shard = || Shard::of(&group.path).map(|shard| shard.whole);
        let whole = group.hints.whole.clone().or_else(shard);
        let site = Site {
            path: &group.path,
            home: whole.as_deref().unwrap_or(&group.path),
        };
        // A file in which nothing matches the user's pattern is interpreted by its names: a dump may hold files from
        // several programs.
        let given = mapping.tensor_names.as_ref().filter(|pattern| {
            let arrays = &group.arrays;
            arrays.iter().any(|array| fits(pattern, array, site))
        });
        let given = given.or(group.hints.tensor_names.as_ref());
        for array in group.arrays {
            let is_open = group.hints.could_be_two_layers && given.is_none();
            let told = (!is_open).then(|| meaning(&array, site, given, mapping));
            let Some(meaning) = told.flatten() else {
                let names = understood.unnamed.entry(index).or_default();
                if names.len() < MAX_NAMES {
                    names.push(array.name.clone());
                }
                unnamed.push((index, array));
                continue;
            };
            let holds_both = meaning.named.kv.is_none();
            let key = (meaning.template, array.shape.len(), holds_both);
            let family = families.entry(key).or_default();
            let maker = if group.hints.transformers {
                Maker::Transformers
            } else {
                meaning.maker
            };
            family.maker = family.maker.max(maker);
            let fits = |axes: &&Axes| axes.count() == array.shape.len();
            let axes = group.hints.axes.as_ref().filter(fits);
            family.axes = family.axes.take().or_else(|| axes.cloned());
            family.members.push(Member {
                group: index,
                home: meaning.home,
                array,
                named: meaning.named,
                hint: meaning.hint,
            });
        }
    }
    let mut is_named = vec![false; paths.len()];
    for ((template, ..), family) in families {
        family
            .members
            .iter()
            .for_each(|member| is_named[member.group] = true);
        family.understand(&paths, &template, mapping, &mut understood);
    }
    report_unnamed(unnamed, &paths, &is_named, &mut understood);
    understood
}
