//! What kvlens writes has a name of its own until it is complete. A scan that meets such a folder must not take what is in it for a dump.

/// What such a name begins with.
pub const UNFINISHED_START: &str = ".kvlens-";
/// What such a name ends with.
pub const UNFINISHED_END: &str = ".tmp";

/// Whether a folder of this name holds what a run has not finished writing.
///
/// ```
/// assert!(kvlens::dump::unfinished_name(".kvlens-convert-x7Kq.tmp"));
/// assert!(!kvlens::dump::unfinished_name("prompt_128"));
/// ```
pub fn unfinished_name(name: &str) -> bool {
    name.starts_with(UNFINISHED_START) && name.ends_with(UNFINISHED_END)
}

/// The unfinished folder that a file lies in, if it lies in one.
pub(super) fn unfinished_folder(path: &str) -> Option<&str> {
    let mut ends = path.match_indices('/').map(|(end, _)| end);
    ends.find(|&end| {
        let folder = &path[..end];
        unfinished_name(folder.rsplit('/').next().unwrap_or(folder))
    })
    .map(|end| &path[..end])
}
