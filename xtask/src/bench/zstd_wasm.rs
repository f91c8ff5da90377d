//! Speed of our zstd in wasm: the package `zstd-speed`, built like the page's single-threaded module, in Chromium.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{shell, toolchain, tools, wasm};

/// Result of measuring the module.
pub struct Measured {
    /// Sum of the best time of each batch.
    pub seconds: f64,
    /// Total size of all frames, in bytes.
    pub frames: usize,
}

/// Builds the module and returns its path.
///
/// # Errors
/// When a tool is missing or the compiler fails.
pub fn build() -> Result<PathBuf> {
    tools::npm()?;
    tools::browsers()?;
    wasm::SERIAL.compile(&toolchain::find()?, "zstd-speed")
}

/// Measures the batches, each of which runs `rounds` times in turn.
///
/// # Errors
/// When Chromium can't be driven.
pub fn measure(
    module: &Path,
    batches: &[&[Vec<u8>]],
    level: i32,
    rounds: usize,
) -> Result<Measured> {
    let folder = tempfile::tempdir()?;
    let streams = folder.path().join("streams");
    let all: Vec<&[u8]> = batches
        .iter()
        .copied()
        .flatten()
        .map(Vec::as_slice)
        .collect();
    fs::write(&streams, all.concat())?;
    let lengths: Vec<Vec<usize>> = batches
        .iter()
        .map(|batch| batch.iter().map(Vec::len).collect())
        .collect();

    let mut child = shell::command("node")
        .arg("tests/browser/bench-zstd.js")
        .args([module, &streams])
        .args([level.to_string(), rounds.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().context("no standard input")?;
    input.write_all(serde_json::to_string(&lengths)?.as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "bench-zstd.js ended with {}",
        output.status
    );
    let results: Value = serde_json::from_slice(&output.stdout)?;
    let number = |name: &str| {
        results[name]
            .as_f64()
            .context("no figures from bench-zstd.js")
    };
    Ok(Measured {
        seconds: number("seconds")?,
        frames: number("frames")? as usize,
    })
}
