//! Arrays whose names say nothing: what to ask about them, and in which form the answer works.

use std::collections::{BTreeMap, BTreeSet};

use super::array::Array;
use super::axes::Axes;
use super::mapping::TensorGuess;
use super::members::{MAX_EXAMPLES, Understood, files, info, list};
use super::named::word_kv;
use super::names::guess_loosely;
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
    let file = path.rsplit('/').next().unwrap_or_default();
    let file = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    if arrays.iter().all(|array| is_latent(array, file)) {
        return "K and V apart: a vector for each token, as models with latent attention (MLA) keep it, has neither; dump the K and V that \
                it is expanded to, as transformers does"
            .to_owned();
    }
    let say = "names of K and V with a layer number; say which they are with --tensor-names";
    if let Some((pattern, has_numbers)) = working_pattern(&names) {
        let numbers = if has_numbers {
            " (0 for K, 1 for V)"
        } else {
            ""
        };
        return format!("{say} '{pattern}'{numbers}");
    }
    match arrays {
        [only] if only.shape.len() >= 3 => {
            let example = Axes::example(&only.shape, true, false);
            format!("{say}, or, where it holds both, its axes with --axes, as in --axes {example}")
        }
        _ if names.iter().all(|name| name.starts_with("arr_")) => {
            "names that tell K from V and the layer, as numpy.savez(path, k_0=..., v_0=...) gives them".to_owned()
        }
        _ => format!(
            "{say}, as in 'layers.{{layer}}.{{kv}}'; it may reach into the names of file and folder ({}/{})",
            shorten(file),
            shorten(names.first().unwrap_or(&""))
        ),
    }
}

/// A cache by its name, of one vector for each token.
fn is_latent(array: &Array, file: &str) -> bool {
    let is_cache = |name: &str| guess_loosely(name).is_some_and(|guess| guess.is_cache);
    array.shape.len() == 2 && (is_cache(&array.name) || is_cache(file))
}

/// A pattern that fits every name and tells them apart, with a number for the layer and a word for K or V (`{layer}.{kv}`), or 0 or 1 where
/// there is no word (`{layer}.{kv:0|1}`): then true stands beside it.
fn working_pattern(names: &[&str]) -> Option<(String, bool)> {
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
    let words = kv_words(first);
    let by_word = numbers.iter().flat_map(|&number| {
        words
            .iter()
            .map(move |&word| with_holes(first, [(number, "{layer}"), (word, "{kv}")]))
    });
    let found = by_word.flatten().find(|pattern| fits(pattern).is_some());
    if let Some(pattern) = found {
        return Some((pattern, false));
    }
    let [a, b] = numbers.as_slice() else {
        return None;
    };
    [(a, b), (b, a)]
        .into_iter()
        .filter_map(|(&layer, &kv)| with_holes(first, [(layer, "{layer}"), (kv, "{kv:0|1}")]))
        .find(|pattern| fits(pattern).is_some())
        .map(|pattern| (pattern, true))
}

type Stretch = (usize, usize);

/// The name with two stretches of it replaced, which may not overlap.
fn with_holes(name: &str, mut holes: [(Stretch, &str); 2]) -> Option<String> {
    holes.sort();
    let [((from, to), first), ((next_from, next_to), second)] = holes;
    (to <= next_from).then(|| {
        let (before, between, behind) = (&name[..from], &name[to..next_from], &name[next_to..]);
        format!("{before}{first}{between}{second}{behind}")
    })
}

/// Where words that mean K or V stand by themselves in a name.
fn kv_words(name: &str) -> Vec<Stretch> {
    let mut found = Vec::new();
    let mut start = 0;
    for part in name.split(|letter: char| !letter.is_alphabetic()) {
        if word_kv(part).is_some() {
            found.push((start, start + part.len()));
        }
        start += part.len();
        start += name[start..].chars().next().map_or(0, char::len_utf8);
    }
    found
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
    fn names_that_say_too_little_have_a_form_that_works() {
        let form = |names: &[&str]| working_pattern(names).map(|(pattern, _)| pattern);
        let expected = Some("{layer}.{kv:0|1}".to_owned());
        assert_eq!(form(&["0.0", "0.1", "10.0", "10.1"]), expected);
        assert_eq!(
            form(&["c0_l0", "c1_l0", "c0_l7"]),
            Some("c{kv:0|1}_l{layer}".to_owned())
        );
        assert_eq!(
            form(&[
                "decoder.block.0.layer.0.SelfAttention.k",
                "decoder.block.0.layer.0.SelfAttention.v",
                "decoder.block.1.layer.0.SelfAttention.k"
            ]),
            Some("decoder.block.{layer}.layer.0.SelfAttention.{kv}".to_owned())
        );
        assert_eq!(form(&["0.0", "0.2", "2.0"]), None);
        assert_eq!(form(&["a", "b"]), None);
    }
}
