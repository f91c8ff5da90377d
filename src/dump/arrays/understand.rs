//! From named arrays to captures: which array is K or V of which layer.

use std::collections::BTreeMap;

use super::array::{Array, ArrayGroup};
use super::family::Family;
use super::mapping::{Mapping, TensorGuess};
use super::members::{MAX_EXAMPLES, Member, Understood, files, info, list};
use super::named::Named;
use super::names;
use super::pattern::NamePattern;
use crate::dump::problem::{Problem, shorten};
use crate::tensor::Dtype;

/// Makes captures of the arrays of `groups`.
pub(crate) fn understand(groups: Vec<ArrayGroup>, mapping: &Mapping) -> Understood {
    let paths: Vec<String> = groups.iter().map(|group| group.path.clone()).collect();
    let mut understood = Understood::default();
    let mut families: BTreeMap<(String, usize), Family> = BTreeMap::new();
    let mut unnamed = Vec::new();
    for (index, group) in groups.into_iter().enumerate() {
        // A file in which nothing fits what was given is left to the names' own words: a dump may hold files of many makers.
        let given = mapping.tensor_names.as_ref();
        let hints = group.hints;
        let fits = |pattern: &&NamePattern| {
            group
                .arrays
                .iter()
                .any(|array| pattern.matches(&array.name).is_some())
        };
        let given = given.filter(fits).or(hints.tensor_names.as_ref());
        for array in group.arrays {
            match name(&array.name, given) {
                Some((named, template, hint, transformers)) => {
                    let family = families.entry((template, array.shape.len())).or_default();
                    family.transformers |= transformers || hints.transformers;
                    family.members.push(Member {
                        group: index,
                        array,
                        named,
                        hint,
                    });
                }
                None => unnamed.push((index, array)),
            }
        }
    }
    let mut is_named = vec![false; paths.len()];
    for ((template, _), family) in families {
        family
            .members
            .iter()
            .for_each(|member| is_named[member.group] = true);
        family.understand(&paths, &template, mapping, &mut understood);
    }
    report_unnamed(unnamed, &paths, &is_named, &mut understood);
    understood
}

/// What a name says, its pattern, the element type that it names, and whether it is one of a Hugging Face cache.
fn name(name: &str, pattern: Option<&NamePattern>) -> Option<(Named, String, Option<Dtype>, bool)> {
    let guess = names::guess(name);
    let Some(pattern) = pattern else {
        return guess.map(|guess| (guess.named, guess.template, guess.dtype, guess.transformers));
    };
    let hints = guess.map_or((None, false), |guess| (guess.dtype, guess.transformers));
    Some((
        pattern.matches(name)?,
        pattern.to_string(),
        hints.0,
        hints.1,
    ))
}

/// Arrays whose names say nothing are only a problem where a file has no others.
fn report_unnamed(
    unnamed: Vec<(usize, Array)>,
    paths: &[String],
    is_named: &[bool],
    understood: &mut Understood,
) {
    if unnamed.is_empty() {
        return;
    }
    let mut by_group: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (group, array) in &unnamed {
        if !is_named[*group] {
            by_group
                .entry(*group)
                .or_default()
                .push(shorten(&array.name));
        }
    }
    for (group, names) in &by_group {
        let expected = "names of K and V with a layer number; say which they are with --tensor-names, as in layers.{layer}.{kv}";
        understood.problems.push(Problem::field(
            &paths[*group],
            "tensor names",
            list(names),
            expected,
        ));
    }
    let alone = !by_group.is_empty();
    let reason = if alone {
        "no name says which layer it is and whether K or V"
    } else {
        "not used: neither K nor V of a layer by name"
    };
    let used = if alone {
        |is_named: bool| !is_named
    } else {
        |_| true
    };
    let arrays: Vec<&(usize, Array)> = unnamed
        .iter()
        .filter(|(group, _)| used(is_named[*group]))
        .collect();
    understood.guesses.push(TensorGuess {
        files: files(arrays.iter().map(|(group, _)| *group), paths),
        count: arrays.len(),
        examples: arrays
            .iter()
            .take(MAX_EXAMPLES)
            .map(|(_, array)| info(array))
            .collect(),
        tensor_names: None,
        axes: None,
        reason: reason.to_owned(),
        asks: if alone {
            vec!["tensorNames", "axes"]
        } else {
            vec![]
        },
    });
}
