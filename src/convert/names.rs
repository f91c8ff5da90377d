//! Names of folders for captures and queries that have none.

/// A folder for what has none.
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

/// A part of a path without anything that a file system might take amiss.
fn plain(part: &str) -> String {
    // No file system takes longer names, and a zip entry has room for 65,535 bytes of path.
    let part: String = part.chars().take(60).collect();
    let part = part.replace(|c: char| c.is_control() || r#"\:*?"<>|"#.contains(c), "_");
    if part.chars().all(|c| c == '.') {
        String::new()
    } else {
        part
    }
}
