//! Arrays whose names tell nothing: what to ask the user, and in which form to answer.

use std::collections::BTreeMap;

use super::array::Array;
use super::axes::Axes;
use super::infer::{Maker, Sample, infer};
use super::mapping::TensorGuess;
use super::members::{MAX_EXAMPLES, Understood, files, info, list, path_or_file};
use super::names::guess_loosely;
use super::suggest::{pattern_for, pattern_of_layers};
use crate::dump::problem::{Problem, shorten};

/// Reports arrays whose names tell nothing. That is a problem only if the file has no other arrays.
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
            path_or_file(&paths[*group], arrays[0]),
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

/// What names are expected, with a pattern that matches these names if there is one.
fn expected_names(arrays: &[&Array], path: &str) -> String {
    let names: Vec<&str> = arrays.iter().map(|array| array.name.as_str()).collect();
    let file = path.rsplit('/').next().unwrap_or_default();
    let file = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    if arrays.iter().all(|array| is_latent(array, file)) {
        return "K and V apart: a vector for each token, as models with latent attention (MLA) keep it, has neither; dump the K and V that \
                it is expanded to, as transformers does"
            .to_owned();
    }
    let is_head =
        |array: &&Array| array.shape.len() == 2 && array.name.to_ascii_lowercase().contains("head");
    if arrays.iter().all(is_head) {
        return "all heads of a layer in one array: stack them, as with numpy.stack or torch.stack"
            .to_owned();
    }
    let say = "names of K and V with a layer number; say which they are with --tensor-names";
    if let Some(pattern) = pattern_for(&names) {
        let numbers = if pattern.contains("{kv:0|1}") {
            " (0 for K, 1 for V)"
        } else {
            ""
        };
        let layers = if pattern.contains("{layer}") {
            None
        } else {
            axes_of_both(arrays).zip(pattern_of_layers(&names))
        };
        let both = layers.map_or_else(String::new, |(axes, pattern)| {
            format!("; or, where each array holds both, --tensor-names '{pattern}' --axes {axes}")
        });
        return format!("{say} '{pattern}'{numbers}{both}");
    }
    if let Some(axes) = axes_of_both(arrays) {
        return match pattern_of_layers(&names) {
            Some(pattern) => format!(
                "names of K and V; where each array holds both, say --tensor-names '{pattern}' --axes {axes}"
            ),
            None => {
                format!("{say}, or, where it holds both, its axes with --axes, as in --axes {axes}")
            }
        };
    }
    if names.iter().all(|name| name.starts_with("arr_")) {
        return "names that tell K from V and the layer, as numpy.savez(path, k_0=..., v_0=...) gives them".to_owned();
    }
    if names.iter().all(|name| name.parse::<u32>().is_ok()) {
        return "which are K and V of which layer, and a list of tensors does not say it: save a list of pairs (K, V), or {\"k\": [...], \
                \"v\": [...]}"
            .to_owned();
    }
    format!(
        "{say}, as in 'layers.{{layer}}.{{kv}}'; it may reach into the names of file and folder ({}/{})",
        shorten(file),
        shorten(names.first().unwrap_or(&""))
    )
}

/// The possible orders of axes if each array holds both K and V.
fn axes_of_both(arrays: &[&Array]) -> Option<String> {
    let (first, rest) = arrays.split_first()?;
    let may_hold_both = |array: &&Array| {
        array.shape.len() == first.shape.len()
            && match array.shape.as_slice() {
                [2, _, _, ..] => true,
                // With four axes, the second is more often heads.
                [_, 2, rest @ ..] => rest.len() >= 3 || arrays.len() == 1 && !rest.is_empty(),
                _ => false,
            }
    };
    if !arrays.iter().all(may_hold_both) {
        return None;
    }
    let sample = Sample {
        shape: &first.shape,
        layer: (!rest.is_empty()).then_some(0),
        kv: None,
    };
    let orders = match infer(&[sample], Maker::Unknown) {
        Ok((axes, _)) => vec![axes],
        Err(doubt) if doubt.orders.is_empty() => {
            vec![Axes::example(&first.shape, true, !rest.is_empty())]
        }
        Err(doubt) => doubt.orders,
    };
    let orders: Vec<String> = orders.iter().map(ToString::to_string).collect();
    Some(orders.join(", or "))
}

/// Whether the array is a cache by its name, with one vector per token.
fn is_latent(array: &Array, file: &str) -> bool {
    let is_cache = |name: &str| guess_loosely(name).is_some_and(|guess| guess.is_cache);
    array.shape.len() == 2 && (is_cache(&array.name) || is_cache(file))
}

/// Message why arrays next to named ones are not used.
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
