//! Weight of the page on the wire, gzipped as hosts do, against its limits.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::dist;

/// Limit for the HTML, JS and CSS that a first visit needs, in bytes.
const PAGE_LIMIT: usize = 110_000;
/// Limit for each wasm module, with wasm-opt or without, in bytes. A guard against growth: the aim is 650,000.
const WASM_LIMIT: usize = 920_000;
/// Files that the page's modules load by composed names: one engine's glue, and the service worker.
const LOADED_BY_NAME: [&str; 2] = ["engine/threads/kvlens.js", "sw.js"];

/// A measured item: its name, its gzipped size, and its limit.
pub struct Weight {
    pub name: String,
    pub bytes: usize,
    pub limit: usize,
}

impl fmt::Display for Weight {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (is, may) = (self.bytes as f64 / 1e3, self.limit as f64 / 1e3);
        write!(
            out,
            "{:30} {is:6.1} KB gzipped (at most {may:.0})",
            self.name
        )
    }
}

/// Weighs the files of dist/.
///
/// # Errors
/// When a file can't be read.
pub fn weigh(dist: &Path) -> Result<Vec<Weight>> {
    let mut weights = Vec::new();
    for path in dist::files(dist)? {
        if path.extension().is_some_and(|end| end == "wasm") {
            weights.push(Weight {
                name: path.to_string_lossy().replace('\\', "/"),
                bytes: gzipped(&fs::read(dist.join(&path))?)?,
                limit: WASM_LIMIT,
            });
        }
    }
    let mut page = 0;
    for path in first_load(dist)? {
        page += gzipped(&fs::read(dist.join(path))?)?;
    }
    weights.push(Weight {
        name: "HTML, JS and CSS".into(),
        bytes: page,
        limit: PAGE_LIMIT,
    });
    Ok(weights)
}

/// Prints the weights.
///
/// # Errors
/// When a file can't be read.
pub fn print(dist: &Path) -> Result<()> {
    for weight in weigh(dist)? {
        println!("{weight}");
    }
    Ok(())
}

/// Files that index.html needs, and those that they need in turn; without the modules that are loaded when first shown
/// (`import()`), such as charts and lesson.
fn first_load(dist: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut next = vec![PathBuf::from("index.html")];
    next.extend(LOADED_BY_NAME.map(PathBuf::from));
    while let Some(path) = next.pop() {
        if !dist.join(&path).is_file() || !found.insert(path.clone()) {
            continue;
        }
        let text = fs::read_to_string(dist.join(&path))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        next.extend(references(&text).map(|other| plain(&folder.join(other))));
    }
    Ok(found)
}

/// Addresses in the statements of a module or of index.html. Comments import only types, which are no files.
fn references(text: &str) -> impl Iterator<Item = &str> {
    const BEFORE: [&str; 5] = [" from \"", "import \"", "new URL(\"", "src=\"", "href=\""];
    let is_comment = |line: &&str| {
        ["//", "/*", "*"]
            .iter()
            .any(|mark| line.trim_start().starts_with(mark))
    };
    text.lines()
        .filter(move |line| !is_comment(line))
        .flat_map(|line| BEFORE.iter().filter_map(|before| line.split_once(before)))
        .filter_map(|(_, rest)| rest.split_once('"'))
        .map(|(address, _)| address)
}

/// The path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => drop(plain.pop()),
            _ => {}
        }
    }
    plain
}

fn gzipped(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}
