//! Weight of the page on the wire, gzipped as hosts do, against its limits.

use std::fmt;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::{dist, references};

/// Limit for the HTML, JS and CSS that a first visit needs, in bytes.
const PAGE_LIMIT: usize = 110_000;
/// Limit for each wasm module, with wasm-opt or without, in bytes: a guard against growth. 650,000 was enough before the readers of PyTorch's,
/// mlx-lm's and llama.cpp's files, explore and packing came. A second module for these would be fetched by everyone, since the line below
/// every dump needs explore.
const WASM_LIMIT: usize = 920_000;
/// Where the page's first load begins: main.js brings the views by `import()`, and one engine's glue and the service worker are loaded by
/// composed names. Charts and lesson, which come when they are first shown or when all else is done, are not counted.
const FIRST_LOAD: [&str; 5] = [
    "index.html",
    "views/answer.js",
    "views/results.js",
    "engine/threads/kvlens.js",
    "sw.js",
];

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
    for path in references::reached(dist, FIRST_LOAD, &references::ALL)? {
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

fn gzipped(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}
