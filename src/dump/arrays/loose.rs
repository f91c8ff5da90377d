//! Loose arrays, one a file: those of a folder belong together.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::array::{Array, ArrayGroup, Hints};

/// Gathers arrays by the folder of their file, given with them; folders of layers go together.
pub(crate) fn group_by_folder(arrays: Vec<(String, Array)>) -> Vec<ArrayGroup> {
    let mut groups: BTreeMap<String, Vec<Array>> = BTreeMap::new();
    for (path, mut array) in arrays {
        let (folder, _) = path.rsplit_once('/').unwrap_or(("", &path));
        let (above, last) = folder.rsplit_once('/').unwrap_or(("", folder));
        let in_layer = last.to_ascii_lowercase().starts_with("layer");
        if in_layer {
            array.name = format!("{last}/{}", array.name);
        }
        match groups.entry(if in_layer { above } else { folder }.to_owned()) {
            Entry::Vacant(slot) => drop(slot.insert(vec![array])),
            Entry::Occupied(slot) => slot.into_mut().push(array),
        }
    }
    groups
        .into_iter()
        .map(|(folder, arrays)| ArrayGroup {
            // One alone is a file like any other.
            path: match arrays.as_slice() {
                [alone] if !alone.name.contains('/') => alone.file.clone(),
                _ => folder,
            },
            arrays,
            hints: Hints::default(),
        })
        .collect()
}
