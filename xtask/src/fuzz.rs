//! `cargo xtask fuzz`: the coverage-guided targets of fuzz/, one after the other, starting from the files of the tests.

mod seeds;

use anyhow::{Context, Result, bail};

use crate::shell;

/// Folders of files that the targets start from, in addition to what earlier runs found.
const SEEDS: [&str; 2] = ["tests/data/tiny", "tests/data/formats"];

/// Arguments of the command.
#[derive(clap::Args)]
pub struct Args {
    /// Seconds to run each target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Most inputs to try in each target
    #[arg(long)]
    runs: Option<u64>,
    /// Memory limit of a target, in MB
    #[arg(long, default_value_t = 2048)]
    memory: u64,
    /// Without the address sanitizer: several times as many inputs, but reads outside of an allocation go unseen
    #[arg(long)]
    no_sanitizer: bool,
    /// Targets to run; all by default
    targets: Vec<String>,
}

/// Runs each target for its time; a failure does not keep the others from running.
///
/// # Errors
/// When cargo-fuzz is missing, or a target found a failure. Its output names the input and how to run it again.
pub fn run(args: &Args) -> Result<()> {
    let list = shell::output(&mut cargo_fuzz("list"));
    let list = list.context("cargo-fuzz is missing: cargo install cargo-fuzz")?;
    let known: Vec<&str> = list.lines().collect();
    let mut chosen: Vec<&str> = match args.targets.as_slice() {
        [] => known.clone(),
        some => some.iter().map(String::as_str).collect(),
    };
    if let Some(unknown) = chosen.iter().find(|target| !known.contains(target)) {
        bail!("no target {unknown}; there are {}", known.join(", "));
    }
    // Those that are compiled alike, one after the other.
    chosen.sort_by_key(|target| !traces_compares(target));
    let mut failed = Vec::new();
    for target in chosen {
        println!("== {target}");
        let corpus = shell::root().join("fuzz/corpus").join(target);
        std::fs::create_dir_all(&corpus)?;
        let seeds = shell::root().join("target/fuzz-seeds").join(target);
        seeds::write(target, &seeds)?;
        let mut command = cargo_fuzz("run");
        if args.no_sanitizer {
            command.arg("--sanitizer=none");
        }
        if !traces_compares(target) {
            command.arg("--no-trace-compares");
        }
        command.arg(target).arg(corpus).arg(seeds);
        command.args(SEEDS.map(|folder| shell::root().join(folder)));
        command.arg("--").args([
            format!("-max_total_time={}", args.seconds),
            format!("-max_len={}", longest(target)),
            format!("-rss_limit_mb={}", args.memory),
            "-timeout=30".to_owned(),
            "-print_final_stats=1".to_owned(),
            // Only the address sanitizer can detect leaks, and it can't where ptrace is forbidden.
            "-detect_leaks=0".to_owned(),
        ]);
        command.args(args.runs.map(|runs| format!("-runs={runs}")));
        if shell::run(&mut command).is_err() {
            failed.push(target);
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// Longest input of a target, in bytes; longer seeds are cut off. Short inputs are tried faster and reach as much: what a format says is
/// in its first bytes.
fn longest(target: &str) -> usize {
    match target {
        // The choice of files, and as many edits as are applied.
        "scan" => 1 + 12 * 8,
        // A zip's directory is at its end: cut off, the seeds of larger arrays would hold nothing.
        "zip" | "tar" => 24 << 10,
        _ => 4 << 10,
    }
}

/// Whether libFuzzer traces comparisons, to find the values that a parser expects. Other targets would only become slower: encoders expect no
/// values, and those of edits are not compared.
fn traces_compares(target: &str) -> bool {
    !matches!(target, "scan" | "zstd")
}

/// A cargo-fuzz command. Its flags are those of nightly compilers; the environment variable makes stable ones accept
/// them, for this call only.
fn cargo_fuzz(command: &str) -> std::process::Command {
    let mut cargo = shell::command("cargo");
    cargo.args(["fuzz", command]).env("RUSTC_BOOTSTRAP", "1");
    cargo
}
