//! Pairs each K with its V.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::axes::Axes;
use super::making::captures;
use super::mapping::Mapping;
use super::members::{Member, Understood, label};
use super::suggest::pattern_for_halves;
use crate::dump::problem::{Fault, Problem, shorten};
use crate::tensor::Kv;

/// What K and V of one capture have in common.
type Key = (
    String,
    String,
    Option<i64>,
    Option<(u64, u64)>,
    Option<String>,
);

/// Pairs the arrays, whose axes are `axes`, and makes captures of the pairs.
pub(super) fn pair(
    members: Vec<Member>,
    axes: &Axes,
    mapping: &Mapping,
    understood: &mut Understood,
) {
    let mut pairs: BTreeMap<Key, [Option<Member>; 2]> = BTreeMap::new();
    for member in members {
        let named = &member.named;
        let key = (
            member.home.clone(),
            named.run.clone(),
            named.layer,
            named.span,
            named.stage.clone(),
        );
        let slots = pairs.entry(key).or_default();
        match (slots, named.kv) {
            ([slot @ None, None], None) | ([slot @ None, _], Some(Kv::K)) => *slot = Some(member),
            ([_, slot @ None], Some(Kv::V)) => *slot = Some(member),
            _ => {
                let fault = Fault::field(
                    "name",
                    shorten(&member.array.name),
                    "one K and one V of each layer",
                );
                understood
                    .problems
                    .push(Problem::new(member.array.file, fault));
            }
        }
    }
    for ((home, ..), pair) in pairs {
        let made = match &pair {
            [Some(k), Some(v)] => captures(&home, k, v, axes, mapping, &mut understood.places_left),
            [Some(both), None] if both.named.kv.is_none() => captures(
                &home,
                both,
                both,
                axes,
                mapping,
                &mut understood.places_left,
            ),
            [Some(alone), None] | [None, Some(alone)] => {
                let other = if pair[0].is_some() { Kv::V } else { Kv::K };
                // A problem that will not be listed needs no suggested pattern, which takes a search through many names.
                let unnamed = understood.unnamed.get(&alone.group);
                let unnamed = unnamed.filter(|_| !understood.problems.is_full());
                let names = unnamed.into_iter().flatten().map(String::as_str);
                let say = pattern_for_halves(&alone.array.name, names)
                    .map_or_else(String::new, |pattern| {
                        format!("; or say which it is with --tensor-names '{pattern}'")
                    });
                let expected = format!("a {other} of the same layer beside it{say}");
                let fault = Fault::field("name", shorten(&label(&alone.array)), expected);
                Err(Problem::new(&alone.array.file, fault))
            }
            [None, None] => continue,
        };
        match made {
            Ok(captures) => understood
                .captures
                .extend(captures.into_iter().map(Arc::new)),
            Err(problem) => understood.problems.push(problem),
        }
    }
}
