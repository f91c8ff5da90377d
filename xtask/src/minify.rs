//! The page's scripts and styles without comments and blanks, which are a fifth of what a first visit fetches.

use std::path::Path;

use anyhow::Result;

use crate::{dist, shell};

/// A script that is left as it is: the service worker's text gets its list of files after this.
const LEFT: &str = "sw.js";

/// Shortens the files of dist/ by esbuild, if Node has it among the development dependencies.
///
/// # Errors
/// When esbuild fails.
pub fn minify(dist: &Path) -> Result<()> {
    let is_there = shell::root().join("node_modules/esbuild").exists() && shell::has("node");
    if !is_there {
        return Ok(());
    }
    let files = dist::files(dist)?.into_iter().filter(|path| {
        let end = path.extension().and_then(|end| end.to_str());
        matches!(end, Some("js" | "css")) && path != Path::new(LEFT)
    });
    shell::run(
        shell::command("node")
            .arg(shell::root().join("xtask/src/minify.js"))
            .arg(dist)
            .args(files),
    )
}
