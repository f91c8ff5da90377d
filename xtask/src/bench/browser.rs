//! `cargo xtask bench --browser`: the page's engine in Chromium beside the command line, on the same dump and threads.

use anyhow::Result;

use super::Args;
use crate::{dist, shell, tools};

/// Measures and prints the table; `tests/browser/bench.js` drives both.
///
/// # Errors
/// When a tool is missing or something can't be built.
pub fn run(args: &Args, threads: usize, dump: &std::path::Path) -> Result<()> {
    tools::npm()?;
    tools::browsers()?;
    dist::build(true)?;
    let mut node = shell::command("node");
    node.arg("tests/browser/bench.js")
        .arg(dump)
        .arg(threads.to_string())
        .arg(args.rounds.to_string());
    shell::run(node.args(&args.analysis))
}
