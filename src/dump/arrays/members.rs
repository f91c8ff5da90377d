//! Arrays on their way to captures: those whose names were understood, the result, and how they are named in messages.

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

/// Maximum number of files and arrays that a guess lists as examples.
pub(super) const MAX_EXAMPLES: usize = 6;

/// Captures made of some groups of arrays, and how their arrays were interpreted.
pub(crate) struct Understood {
    pub captures: Vec<Arc<Capture>>,
    pub guesses: Vec<TensorGuess>,
    pub problems: Problems,
    /// By group: names of its first arrays that could not be interpreted.
    pub(super) unnamed: BTreeMap<usize, Vec<String>>,
    /// Number of layers and batch items that further arrays with several of them may hold in all.
    pub(super) places_left: u64,
}

/// An array whose name was understood.
pub(crate) struct Member {
    /// Index of its group.
    pub group: usize,
    /// Path of the file or folder under which its captures are listed: that of the group, or the folder if the file's
    /// own name tells the layer, or K from V.
    pub home: String,
    pub array: Array,
    pub named: Named,
    /// Element type according to the name.
    pub hint: Option<Dtype>,
}

/// The first few names, and the number of further ones.
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

/// Paths of the first few groups, in natural order.
pub(super) fn files(groups: impl Iterator<Item = usize>, paths: &[String]) -> Vec<String> {
    let groups: BTreeSet<usize> = groups.collect();
    let mut found: Vec<&String> = groups.into_iter().map(|group| &paths[group]).collect();
    found.sort_by(|a, b| natural_cmp(a, b));
    found.into_iter().take(MAX_EXAMPLES).cloned().collect()
}

/// Path of a group, or of its array `first` if the group is the root folder.
pub(super) fn path_or_file<'a>(path: &'a str, first: &'a Array) -> &'a str {
    if path.is_empty() { &first.file } else { path }
}

/// Description of an array for people.
pub(super) fn info(array: &Array) -> ArrayInfo {
    ArrayInfo {
        name: shorten(&array.name),
        dtype: array.element.name().to_owned(),
        shape: array.shape.clone(),
    }
}

/// Location of an array for messages: its file, and its name if the file name does not tell it.
pub(super) fn label(array: &Array) -> String {
    let file = file_name(&array.file);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    if array.name.is_empty() || array.name == stem {
        array.file.clone()
    } else {
        format!("{}/{}", array.file, shorten(&array.name))
    }
}
