//! What arrays are on their way to captures: those whose names were understood, what came of them, and how people are told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::array::Array;
use super::mapping::{ArrayInfo, TensorGuess};
use super::named::Named;
use crate::dump::bytes::path::file_name;
use crate::dump::capture::Capture;
use crate::dump::natural::natural_cmp;
use crate::dump::problem::{Problems, shorten};
use crate::tensor::Dtype;

/// Most files and arrays that a guess names as examples.
pub(super) const MAX_EXAMPLES: usize = 6;

/// The captures of some groups of arrays, and how their arrays were understood.
#[derive(Default)]
pub(crate) struct Understood {
    pub captures: Vec<Arc<Capture>>,
    pub guesses: Vec<TensorGuess>,
    pub problems: Problems,
    /// The first names of each group that say nothing.
    pub(super) unnamed: BTreeMap<usize, Vec<String>>,
}

/// An array whose name was understood.
pub(crate) struct Member {
    /// Number of the group that it is in.
    pub group: usize,
    /// The file or folder that its captures are said to lie in: that of the group, or the folder where the file's own name tells the
    /// layer, or K from V.
    pub home: String,
    pub array: Array,
    pub named: Named,
    /// The element type that the name tells.
    pub hint: Option<Dtype>,
}

/// The first few names, and how many more there are.
pub(super) fn list(names: &[String]) -> String {
    let shown: Vec<&str> = names
        .iter()
        .take(MAX_EXAMPLES)
        .map(String::as_str)
        .collect();
    let more = names.len() - shown.len();
    if more > 0 {
        format!("{} and {more} more", shown.join(", "))
    } else {
        shown.join(", ")
    }
}

/// The paths of the first few groups, in natural order.
pub(super) fn files(groups: impl Iterator<Item = usize>, paths: &[String]) -> Vec<String> {
    let groups: BTreeSet<usize> = groups.collect();
    let mut found: Vec<&String> = groups.into_iter().map(|group| &paths[group]).collect();
    found.sort_by(|a, b| natural_cmp(a, b));
    found.into_iter().take(MAX_EXAMPLES).cloned().collect()
}

/// The path of a group, or that of its array `first` where it is the root of all.
pub(super) fn path_or_file<'a>(path: &'a str, first: &'a Array) -> &'a str {
    if path.is_empty() { &first.file } else { path }
}

/// An array for people.
pub(super) fn info(array: &Array) -> ArrayInfo {
    ArrayInfo {
        name: shorten(&array.name),
        dtype: array.element.name().to_owned(),
        shape: array.shape.clone(),
    }
}

/// Where an array lies, for messages: its file, and its name where the file's does not tell it.
pub(super) fn label(array: &Array) -> String {
    let file = file_name(&array.file);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    if array.name.is_empty() || array.name == stem {
        array.file.clone()
    } else {
        format!("{}/{}", array.file, shorten(&array.name))
    }
}
