//! `cargo xtask bench --browser`: the page's engine in Chromium against the command line, on the same dump and threads.

use anyhow::Result;

use super::Args;
use crate::{dist, shell, tools};

/// Measures, prints the table and writes it; `tests/browser/bench.js` drives both.
///
/// # Errors
/// When a tool is missing or something can't be built.
pub fn run(args: &Args, threads: usize, dump: &std::path::Path) -> Result<()> {
    tools::npm()?;
    tools::browsers()?;
    dist::build(true)?;
    let csv = shell::root().join("bench/browser.csv");
    let mut node = shell::command("node");
    node.arg("tests/browser/bench.js")
        .arg(dump)
        .arg(threads.to_string())
        .arg(args.rounds.to_string())
        .arg(csv);
    shell::run(node.args(&args.analysis))
}
