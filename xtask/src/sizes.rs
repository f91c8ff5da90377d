//! What the page weighs on the wire, gzipped as hosts do, against what it may weigh.

use std::fmt;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::dist;

/// Bytes of HTML, JS and CSS, without the charts' library, both engines' glue counted. A guard against growth: the aim is 110,000.
const PAGE_LIMIT: usize = 130_000;
/// Bytes of each wasm module, with wasm-opt or without. A guard against growth: the aim is 650,000.
const WASM_LIMIT: usize = 920_000;

/// Something that is weighed: its name, its bytes gzipped, and what they may be.
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
/// When they can't be read.
pub fn weigh(dist: &Path) -> Result<Vec<Weight>> {
    let mut weights = Vec::new();
    let mut page = 0;
    for path in dist::files(dist)? {
        let name = path.to_string_lossy().replace('\\', "/");
        let bytes = gzipped(&fs::read(dist.join(&path))?)?;
        let extension = path.extension().and_then(|end| end.to_str());
        match extension {
            Some("wasm") => weights.push(Weight {
                name,
                bytes,
                limit: WASM_LIMIT,
            }),
            // These come later, when they are looked at.
            Some("html" | "js" | "css") if !lazy(&name) => page += bytes,
            _ => {}
        }
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
/// When the files can't be read.
pub fn print(dist: &Path) -> Result<()> {
    for weight in weigh(dist)? {
        println!("{weight}");
    }
    Ok(())
}

fn lazy(name: &str) -> bool {
    [
        "vendor/",
        "charts/",
        "learn/",
        "actions/judging.js",
        "views/two-runs.js",
    ]
    .iter()
    .any(|dir| name.starts_with(dir))
}

fn gzipped(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}
