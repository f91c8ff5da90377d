//! The modules that the page imports at its start, listed in its head: a browser that learns of a module only from the one that imports it
//! asks for them one level after another.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::references::{self, IMPORTS};

/// Placeholder in index.html.
const MARK: &str = "<!-- @PRELOAD@ -->";
/// The module that starts the page.
const START: &str = "main.js";

/// Replaces the placeholder in a built index.html by a link to each module.
///
/// # Errors
/// When the placeholder is missing or a module can't be read.
pub fn write(dist: &Path) -> Result<()> {
    let page = dist.join("index.html");
    let html = fs::read_to_string(&page)?;
    ensure!(html.contains(MARK), "index.html has no {MARK}");
    let modules = references::reached(dist, [START], &IMPORTS)?;
    let link = |module: &Path| {
        let address = module.to_string_lossy().replace('\\', "/");
        format!("<link rel=\"modulepreload\" href=\"{address}\" />")
    };
    let links: Vec<String> = modules.iter().map(|module| link(module)).collect();
    fs::write(page, html.replace(MARK, &links.join("\n    ")))?;
    Ok(())
}
