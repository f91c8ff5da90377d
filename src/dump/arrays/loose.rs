//! Files with one array each; those of one folder belong together.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::array::{Array, ArrayGroup, Hints};

/// The only array of a file.
#[derive(Debug)]
pub(crate) struct Loose {
    /// Path of the file.
    pub path: String,
    pub array: Array,
    /// See [`Hints::transformers`].
    pub transformers: bool,
}

/// Groups arrays by the folder of their file; the folders of different layers form one group.
pub(crate) fn group_by_folder(arrays: Vec<Loose>) -> Vec<ArrayGroup> {
    let mut groups: BTreeMap<(String, bool), Vec<Array>> = BTreeMap::new();
    for Loose {
        path,
        mut array,
        transformers,
    } in arrays
    {
        let (folder, _) = path.rsplit_once('/').unwrap_or(("", &path));
        let (above, last) = folder.rsplit_once('/').unwrap_or(("", folder));
        let in_layer = last.to_ascii_lowercase().starts_with("layer");
        if in_layer {
            // For an archive: its name without the extension.
            let stem = [".npz", ".zip"]
                .iter()
                .find_map(|end| last.strip_suffix(end));
            array.name = format!("{}/{}", stem.unwrap_or(last), array.name);
        }
        let folder = if in_layer { above } else { folder };
        match groups.entry((folder.to_owned(), transformers)) {
            Entry::Vacant(slot) => drop(slot.insert(vec![array])),
            Entry::Occupied(slot) => slot.into_mut().push(array),
        }
    }
    groups
        .into_iter()
        .map(|((folder, transformers), arrays)| ArrayGroup {
            // A single array is treated like any other file.
            path: match arrays.as_slice() {
                [alone] if !alone.name.contains('/') => alone.file.clone(),
                _ => folder,
            },
            arrays,
            hints: Hints {
                transformers,
                ..Hints::default()
            },
        })
        .collect()
}
