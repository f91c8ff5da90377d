//! What entries that kvlens itself writes into a file refer to: a path inside the file, and its tensors.

use std::collections::HashMap;

use crate::dump::arrays::array::Array;
use crate::dump::bytes::path::inner_path;
use crate::dump::problem::{Fault, shorten};

/// The path of an entry, below that of its file.
pub(super) fn inside(path: &str) -> Result<String, Fault> {
    inner_path(path).ok_or_else(|| Fault::field("path", shorten(path), "a path inside the file"))
}

/// The array that the entry's `field` names.
pub(super) fn array<'a>(
    by_name: &HashMap<&str, &'a Array>,
    field: &str,
    name: &str,
) -> Result<&'a Array, Fault> {
    by_name.get(name).copied().ok_or_else(|| {
        let found = format!("{:?}, which does not exist", shorten(name));
        Fault::field(field, found, "a tensor of this file")
    })
}
