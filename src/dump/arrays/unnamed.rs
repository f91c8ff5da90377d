//! Arrays whose names say nothing: what to ask about them, and in which form the answer works.

use std::collections::{BTreeMap, BTreeSet};

use super::array::Array;
use super::axes::Axes;
use super::mapping::TensorGuess;
use super::members::{MAX_EXAMPLES, Understood, files, info, list};
use super::pattern::NamePattern;
use crate::dump::problem::{Problem, shorten};

/// Arrays whose names say nothing are only a problem where a file has no others.
pub(super) fn report_unnamed(
    unnamed: Vec<(usize, Array)>,
    paths: &[String],
    is_named: &[bool],
    understood: &mut Understood,
) {
    if unnamed.is_empty() {
        return;
    }
    let mut by_group: BTreeMap<usize, Vec<&Array>> = BTreeMap::new();
    for (group, array) in &unnamed {
        if !is_named[*group] {
            by_group.entry(*group).or_default().push(array);
        }
    }
    for (group, arrays) in &by_group {
        let names: Vec<String> = arrays.iter().map(|array| shorten(&array.name)).collect();
        understood.problems.push(Problem::field(
            &paths[*group],
            "tensor names",
            list(&names),
            expected_names(arrays, &paths[*group]),
        ));
    }
    let alone = !by_group.is_empty();
    let reason = if alone {
        "no name says which layer it is and whether K or V".to_owned()
    } else {
        not_used(unnamed.iter().map(|(_, array)| array))
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
        reason,
        asks: if alone {
            vec!["tensorNames", "axes"]
        } else {
            vec![]
        },
    });
}

/// What would do, with a pattern that fits these names where there is one.
fn expected_names(arrays: &[&Array], path: &str) -> String {
    let names: Vec<&str> = arrays.iter().map(|array| array.name.as_str()).collect();
    let say = "names of K and V with a layer number; say which they are with --tensor-names";
    match numbered_pattern(&names) {
        Some(pattern) => format!("{say} '{pattern}' (0 for K, 1 for V)"),
        None if arrays.iter().any(|array| array.shape.len() >= 3) && names.len() == 1 => {
            let example = Axes::example(arrays[0].shape.len(), true);
            format!("{say}, or, where it holds both, its axes with --axes, as in --axes {example}")
        }
        None => {
            let file = path.rsplit('/').next().unwrap_or_default();
            let file = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
            format!(
                "{say}, as in 'layers.{{layer}}.{{kv}}'; it may reach into the names of file and folder ({}/{})",
                shorten(file),
                shorten(names.first().unwrap_or(&""))
            )
        }
    }
}

/// A pattern with two numbers, the layer and 0 or 1, where that fits every name: `{layer}.{kv:0|1}`.
fn numbered_pattern(names: &[&str]) -> Option<String> {
    let first = names.first()?;
    let numbers = numbers(first);
    let fits = |pattern: &str| {
        let pattern = NamePattern::parse(pattern).ok()?;
        let all: Option<BTreeSet<_>> = names
            .iter()
            .map(|name| {
                let named = pattern.matches(name)?;
                Some((named.layer, named.kv))
            })
            .collect();
        let all = all?;
        (all.len() == names.len() && names.len() > 1).then_some(())
    };
    let [a, b] = numbers.as_slice() else {
        return None;
    };
    let with = |a_is: &str, b_is: &str| {
        format!(
            "{}{a_is}{}{b_is}{}",
            &first[..a.0],
            &first[a.1..b.0],
            &first[b.1..]
        )
    };
    let orders = [with("{layer}", "{kv:0|1}"), with("{kv:0|1}", "{layer}")];
    orders.into_iter().find(|pattern| fits(pattern).is_some())
}

/// Where the runs of digits of a name start and end.
fn numbers(name: &str) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (at, byte) in name.bytes().enumerate() {
        match found.last_mut() {
            _ if !byte.is_ascii_digit() => {}
            Some((_, end)) if *end == at => *end = at + 1,
            _ => found.push((at, at + 1)),
        }
    }
    found
}

/// Why arrays beside others with names are left alone.
fn not_used<'a>(arrays: impl Iterator<Item = &'a Array>) -> String {
    const STATES: &[&str] = &[
        "conv_state",
        "recurrent_state",
        "ssm_state",
        "conv_cache",
        "ssm_cache",
    ];
    let is_state = |name: &str| {
        let lower = name.to_ascii_lowercase();
        STATES.iter().any(|state| lower.contains(state))
    };
    let names: Vec<&str> = arrays.map(|array| array.name.as_str()).collect();
    if names.iter().all(|name| is_state(name)) {
        return "not used: the state of layers with linear attention or a state space, which have no K and V".to_owned();
    }
    "not used: neither K nor V of a layer by name".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_two_numbers_have_a_form_that_works() {
        let form = |names: &[&str]| numbered_pattern(names);
        let expected = Some("{layer}.{kv:0|1}".to_owned());
        assert_eq!(form(&["0.0", "0.1", "10.0", "10.1"]), expected);
        assert_eq!(
            form(&["c0_l0", "c1_l0", "c0_l7"]),
            Some("c{kv:0|1}_l{layer}".to_owned())
        );
        assert_eq!(form(&["0.0", "0.2", "2.0"]), None);
        assert_eq!(form(&["a", "b"]), None);
    }
}
