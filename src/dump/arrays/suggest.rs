//! Name patterns to suggest if names alone are ambiguous: they match the names and tell the arrays apart.

use std::collections::BTreeSet;

use super::named::word_kv;
use super::names::LAYER;
use super::pattern::NamePattern;
use crate::tensor::Kv;

/// Maximum number of names that a pattern is tried on.
pub(super) const MAX_NAMES: usize = 256;
/// Maximum number of positions in a name that are tried.
const MAX_PLACES: usize = 6;

/// Range of a name in bytes: start and end.
type Stretch = (usize, usize);

/// A pattern that matches every name and tells K and V of all layers apart: with a number for the layer and a word for
/// K or V (`{layer}.{kv}`), 0 or 1 if there is no such word (`{layer}.{kv:0|1}`), or the names' own words
/// (`{layer}.{kv:k_roped|v}`), and `{run}` for what precedes it.
pub(super) fn pattern_for(names: &[&str]) -> Option<String> {
    let names = &names[..names.len().min(MAX_NAMES)];
    let first = names.first()?;
    let own = names
        .iter()
        .skip(1)
        .filter_map(|other| own_words(first, other));
    let mut all = by_words(first)
        .into_iter()
        .chain(own)
        .chain(by_numbers(first));
    all.find(|pattern| tells_apart(pattern, names))
}

/// A pattern that tells the layers apart, for arrays that hold both K and V.
pub(super) fn pattern_of_layers(names: &[&str]) -> Option<String> {
    let names = &names[..names.len().min(MAX_NAMES)];
    let first = names.first()?;
    let mut numbers = numbers(first).into_iter();
    numbers.find_map(|number| {
        let text = with_holes(first, &[(number, "{layer}")])?;
        let pattern = NamePattern::parse(&text).ok()?;
        let layers: Option<BTreeSet<_>> = names
            .iter()
            .map(|name| pattern.matches(name)?.layer)
            .collect();
        (layers?.len() == names.len()).then_some(text)
    })
}

/// A pattern for `name`, which has a word for K or V, and the first of `others` that differs from it in that word only.
pub(super) fn pattern_for_halves<'a>(
    name: &str,
    others: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let mut found = others.filter_map(|other| own_words(name, other));
    found.find(|pattern| NamePattern::parse(pattern).is_ok())
}

/// Patterns that match `name` and have a word for K or V.
fn by_words(name: &str) -> Vec<String> {
    let (mut numbers, words) = (numbers(name), kv_words(name));
    // A number after the word layer is the likeliest.
    numbers.sort_by_key(|&(start, _)| !is_behind_layer(&name[..start]));
    let holes = numbers.iter().flat_map(|&number| {
        let holes = words.iter();
        holes.map(move |&word| [(number, "{layer}"), (word, "{kv}")])
    });
    let by_number = holes.filter_map(|holes| with_holes(name, &holes));
    let by_number = by_number.flat_map(|pattern| with_run(&pattern));
    let one_layer = words.iter().filter(|_| numbers.is_empty());
    let one_layer = one_layer.filter_map(|&word| with_holes(name, &[(word, "{kv}")]));
    by_number.chain(one_layer).collect()
}

/// Patterns that match `name`, with 0 and 1 for K and V.
fn by_numbers(name: &str) -> Vec<String> {
    let numbers = numbers(name);
    let holes = numbers.iter().flat_map(|&layer| {
        let others = numbers.iter().filter(move |&&kv| kv != layer);
        others.map(move |&kv| [(layer, "{layer}"), (kv, "{kv:0|1}")])
    });
    let plain: Vec<String> = holes.filter_map(|holes| with_holes(name, &holes)).collect();
    let with_run = plain
        .iter()
        .flat_map(|pattern| with_run(pattern).into_iter().skip(1));
    let is_one = |&&(start, _): &&Stretch| numbers.len() == 1 && !is_behind_layer(&name[..start]);
    let two = numbers.iter().filter(is_one);
    let two = two.filter_map(|&number| with_holes(name, &[(number, "{kv:0|1}")]));
    plain.iter().cloned().chain(with_run).chain(two).collect()
}

fn is_behind_layer(before: &str) -> bool {
    let mut words = before.split(|letter: char| !letter.is_alphabetic());
    let last = words.rfind(|word| !word.is_empty()).unwrap_or_default();
    LAYER.iter().any(|layer| last.eq_ignore_ascii_case(layer))
}

/// The pattern, then variants in which what precedes a separator is the run.
fn with_run(pattern: &str) -> Vec<String> {
    let start = pattern.find('{').unwrap_or(0);
    let before = pattern[..start].char_indices();
    let separators = before.filter(|(_, letter)| !letter.is_alphanumeric());
    let behind = separators.take(MAX_PLACES).filter(|&(at, _)| at > 0);
    let with_run = behind.map(|(at, _)| format!("{{run}}{}", &pattern[at..]));
    [pattern.to_owned()].into_iter().chain(with_run).collect()
}

/// The pattern of two names that differ in one range, which means K in one and V in the other.
fn own_words(a: &str, b: &str) -> Option<String> {
    let letters = |name: &str| name.chars().collect::<Vec<char>>();
    let (a_letters, b_letters) = (letters(a), letters(b));
    let same = |(a, b): &(&char, &char)| a == b;
    let before = a_letters.iter().zip(&b_letters).take_while(same).count();
    let most = a_letters.len().min(b_letters.len()) - before;
    let behind = a_letters.iter().rev().zip(b_letters.iter().rev());
    let behind = behind.take_while(same).count().min(most);
    let part = |letters: &[char]| letters[before..letters.len() - behind].iter().collect();
    let (own, other): (String, String) = (part(&a_letters), part(&b_letters));
    let (k, v) = match (says(&own)?, says(&other)?) {
        (Kv::K, Kv::V) => (own.clone(), other),
        (Kv::V, Kv::K) => (other, own.clone()),
        _ => return None,
    };
    let start: usize = a_letters[..before]
        .iter()
        .map(|letter| letter.len_utf8())
        .sum();
    let place = (start, start + own.len());
    let hole = format!("{{kv:{k}|{v}}}");
    let mut numbers = numbers(a).into_iter();
    numbers.find_map(|number| with_holes(a, &[(number, "{layer}"), (place, hole.as_str())]))
}

/// Whether the words of a text mean K or V.
fn says(text: &str) -> Option<Kv> {
    let (start, end) = *kv_words(text).first()?;
    word_kv(&text[start..end])
}

/// Whether the pattern matches all names, and yields K and V for distinct layers or runs.
fn tells_apart(pattern: &str, names: &[&str]) -> bool {
    let Ok(pattern) = NamePattern::parse(pattern) else {
        return false;
    };
    let all: Option<BTreeSet<_>> = names
        .iter()
        .map(|name| {
            let named = pattern.matches(name)?;
            Some((named.run, named.layer, named.kv))
        })
        .collect();
    all.is_some_and(|all| {
        let has = |kv: Kv| all.iter().any(|(_, _, own)| *own == Some(kv));
        all.len() == names.len() && has(Kv::K) && has(Kv::V)
    })
}

/// The name with ranges replaced by placeholders; `None` if they overlap.
fn with_holes(name: &str, holes: &[(Stretch, &str)]) -> Option<String> {
    let mut holes = holes.to_vec();
    holes.sort_unstable();
    let mut pattern = String::new();
    let mut end = 0;
    for ((from, to), hole) in holes {
        pattern.push_str(name.get(end..from)?);
        pattern.push_str(hole);
        end = to;
    }
    Some(pattern + &name[end..])
}

/// Ranges of a name that are separate words for K or V, last first: a folder before them tells less.
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
    found.reverse();
    found.truncate(MAX_PLACES);
    found
}

/// Ranges of a name that are runs of digits.
fn numbers(name: &str) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    for (at, byte) in name.bytes().enumerate() {
        match found.last_mut() {
            _ if !byte.is_ascii_digit() => {}
            Some((_, end)) if *end == at => *end = at + 1,
            _ => found.push((at, at + 1)),
        }
    }
    found.truncate(MAX_PLACES);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_say_too_little_have_a_form_that_works() {
        let cases: [(&[&str], Option<&str>); 10] = [
            (&["0.0", "0.1", "10.0", "10.1"], Some("{layer}.{kv:0|1}")),
            (&["c0_l0", "c1_l0", "c0_l7"], Some("c{kv:0|1}_l{layer}")),
            (
                &[
                    "decoder.block.0.layer.0.SelfAttention.k",
                    "decoder.block.0.layer.0.SelfAttention.v",
                    "decoder.block.1.layer.0.SelfAttention.k",
                ],
                Some("decoder.block.{layer}.layer.0.SelfAttention.{kv}"),
            ),
            (
                &[
                    "prompt_0.layer_0.k",
                    "prompt_0.layer_0.v",
                    "prompt_1.layer_0.k",
                ],
                Some("{run}.layer_{layer}.{kv}"),
            ),
            (
                &[
                    "layers.0.v",
                    "layers.0.k_roped",
                    "layers.1.v",
                    "layers.1.k_roped",
                ],
                Some("layers.{layer}.{kv:k_roped|v}"),
            ),
            (&["probe_k", "probe_v"], Some("probe_{kv}")),
            (&["arr_0", "arr_1"], Some("arr_{kv:0|1}")),
            (&["→x0", "→x1"], Some("→x{kv:0|1}")),
            (&["0.0", "0.2", "2.0"], None),
            (&["a", "b"], None),
        ];
        for (names, expected) in cases {
            assert_eq!(pattern_for(names).as_deref(), expected, "{names:?}");
        }
        let layers = pattern_of_layers(&["2/layer_0", "2/layer_1"]);
        assert_eq!(layers.as_deref(), Some("2/layer_{layer}"));
        let halves = pattern_for_halves("layers.0.v", ["mask", "layers.0.k_pre"].into_iter());
        assert_eq!(halves.as_deref(), Some("layers.{layer}.{kv:k_pre|v}"));
    }
}
