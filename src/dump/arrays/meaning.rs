//! What is known about an array before its axes are: from its format, its name, or the names of its file and folders.

use super::array::Array;
use super::axes::Axis;
use super::infer::Maker;
use super::mapping::Mapping;
use super::named::Named;
use super::names::{Guess, guess, guess_loosely};
use super::pattern::NamePattern;
use super::shards::stem;
use crate::tensor::Dtype;

/// Number of path components before its name that may tell what an array is.
const MAX_LEVELS: usize = 3;

/// Location of an array.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    /// Path of its file or folder.
    pub path: &'a str,
    /// Path of the whole file, if the array's file is a shard; otherwise `path`.
    pub home: &'a str,
}

/// What is known about an array.
pub(super) struct Meaning {
    pub named: Named,
    /// Name pattern that arrays of the same kind share.
    pub template: String,
    /// Element type according to the name, for arrays saved as integers.
    pub hint: Option<Dtype>,
    /// Software that may have written the array.
    pub maker: Maker,
    /// See [`super::members::Member::home`].
    pub home: String,
}

/// What is known about `array` at `site`. `pattern` is the pattern given by the user, if anything in the group matches
/// it.
pub(super) fn meaning(
    array: &Array,
    site: Site<'_>,
    pattern: Option<&NamePattern>,
    mapping: &Mapping,
) -> Option<Meaning> {
    if let Some(pattern) = pattern {
        let (named, home) = by_pattern(pattern, array, site)?;
        let hints = guess(&array.name);
        return Some(Meaning {
            named,
            template: pattern.to_string(),
            hint: hints.as_ref().and_then(|guess| guess.dtype),
            maker: hints.map_or(Maker::Unknown, |guess| maker(&guess)),
            home,
        });
    }
    if let Some(guess) = guess(&array.name) {
        return Some(Meaning::of(guess, site.home.to_owned()));
    }
    by_path(array, site).or_else(|| by_axes(array, site, mapping))
}

/// Whether the array's name, or a part of its path with the name, matches the pattern.
pub(super) fn fits(pattern: &NamePattern, array: &Array, site: Site<'_>) -> bool {
    by_pattern(pattern, array, site).is_some()
}

fn by_pattern(pattern: &NamePattern, array: &Array, site: Site<'_>) -> Option<(Named, String)> {
    if let Some(named) = pattern.matches(&array.name) {
        return Some((named, site.home.to_owned()));
    }
    let reach = |base: &str| {
        let mut texts = with_path(base, &array.name);
        texts.find_map(|(text, home)| Some((pattern.matches(&text)?, home.to_owned())))
    };
    reach(stem(site.path)).or_else(|| reach(site.path))
}

/// Meaning of the name together with file and folders: `keys/layer_0`, `model.layers.0.self_attn/kv_cache`.
fn by_path(array: &Array, site: Site<'_>) -> Option<Meaning> {
    let own = guess_loosely(&array.name);
    // A name with another meaning is not improved by its folder.
    let own_says = |guess: &Guess| guess.named.kv.is_some() || guess.named.layer.is_some();
    if own.is_none() && !array.name.is_empty() && array.name.parse::<u32>().is_err() {
        return None;
    }
    let may_hold_both = |guess: &Guess| {
        let has_two = array.shape.iter().take(2).any(|&size| size == 2);
        guess.named.kv.is_none() && guess.is_cache && has_two && array.shape.len() >= 3
    };
    let is_whole = |guess: &Guess| guess.named.kv.is_some() && guess.named.layer.is_some();
    let is_stacked = |guess: &Guess| guess.named.kv.is_some() && array.shape.len() >= 3;
    let mut texts = with_path(stem(site.path), &array.name);
    let found = texts.find_map(|(text, home)| {
        let guess = guess_loosely(&text)?;
        let enough = is_whole(&guess) || (may_hold_both(&guess) && guess.named.layer.is_some());
        enough.then(|| Meaning::of(guess, home.to_owned()))
    });
    found.or_else(|| {
        let guess = own.filter(|guess| own_says(guess) || may_hold_both(guess))?;
        (is_stacked(&guess) || may_hold_both(&guess))
            .then(|| Meaning::of(guess, site.home.to_owned()))
    })
}

/// Meaning of an array whose name says nothing, if the axes given by the user include K and V.
fn by_axes(array: &Array, site: Site<'_>, mapping: &Mapping) -> Option<Meaning> {
    let axes = mapping.axes.as_ref()?;
    (axes.has(Axis::Kv) && axes.count() == array.shape.len()).then(|| Meaning {
        named: Named::default(),
        template: "*".to_owned(),
        hint: None,
        maker: Maker::Unknown,
        home: site.home.to_owned(),
    })
}

impl Meaning {
    fn of(guess: Guess, home: String) -> Self {
        Self {
            maker: maker(&guess),
            named: guess.named,
            template: guess.template,
            hint: guess.dtype,
            home,
        }
    }
}

fn maker(guess: &Guess) -> Maker {
    if guess.transformers {
        Maker::NamedAsTransformers
    } else {
        Maker::Unknown
    }
}

/// The name preceded by the last one, two, ... components of `base`, each with the rest of `base`.
fn with_path<'a>(base: &'a str, name: &'a str) -> impl Iterator<Item = (String, &'a str)> {
    let starts = base.rmatch_indices('/').map(|(at, _)| at + 1).chain([0]);
    starts.take(MAX_LEVELS).map(move |start| {
        let home = base[..start].trim_end_matches('/');
        let before = &base[start..];
        let join = if name.is_empty() || before.is_empty() {
            ""
        } else {
            "/"
        };
        (format!("{before}{join}{name}"), home)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reaches_into_file_and_folders() {
        let texts: Vec<(String, &str)> = with_path("a/b/c/d", "k").collect();
        let expected = [("d/k", "a/b/c"), ("c/d/k", "a/b"), ("b/c/d/k", "a")];
        assert_eq!(texts, expected.map(|(text, home)| (text.to_owned(), home)));
        assert_eq!(with_path("d", "").next(), Some(("d".to_owned(), "")));
        assert_eq!(with_path("", "k").next(), Some(("k".to_owned(), "")));
    }
}
