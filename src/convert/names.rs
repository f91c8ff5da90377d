//! Names of output files.

use std::collections::HashSet;
use std::ops::Range;

use crate::dump::Capture;

/// Folder and file stem of a capture: the original ones if all of its tokens are kept.
pub(super) fn name(capture: &Capture, tokens: &Range<usize>) -> (String, String) {
    let start = capture.seq_start.saturating_add(tokens.start as u64);
    let stem = format!("t{start}_{}", start.saturating_add(tokens.len() as u64));
    let Some(path) = capture.meta_path() else {
        return (folder(&capture.run, capture.layer_id), stem);
    };
    let (folder, file) = path
        .rfind('/')
        .map_or(("", path), |slash| path.split_at(slash + 1));
    let own = file
        .strip_prefix("meta_")
        .and_then(|name| name.strip_suffix(".json"));
    let own = own.filter(|_| *tokens == (0..capture.shape.seq_len));
    (folder.to_owned(), own.map_or(stem, str::to_owned))
}

/// Folders and file stems that are taken.
#[derive(Debug, Default)]
pub(super) struct Taken(HashSet<String>);

impl Taken {
    /// Takes this stem in this folder, with a number behind it where another file has it.
    pub fn free(&mut self, folder: &str, stem: String) -> String {
        let mut free = stem.clone();
        let mut copy = 1;
        while !self.0.insert(format!("{folder}{free}")) {
            copy += 1;
            free = format!("{stem}_{copy}");
        }
        free
    }
}

/// Folder for captures that have none.
pub(super) fn folder(run: &str, layer_id: i64) -> String {
    let parts = run.split('/').map(plain).filter(|part| !part.is_empty());
    let folder: String = parts.map(|part| part + "/").collect();
    let folder = if folder.is_empty() {
        "run/".to_owned()
    } else {
        folder
    };
    format!("{folder}layer_{layer_id}/")
}

/// A path component without characters that a file system might reject.
fn plain(part: &str) -> String {
    // No file system takes longer names, and a zip entry's path is limited to 65,535 bytes.
    let part: String = part.chars().take(60).collect();
    let part = part.replace(|c: char| c.is_control() || r#"\:*?"<>|"#.contains(c), "_");
    if part.chars().all(|c| c == '.') {
        String::new()
    } else {
        part
    }
}
