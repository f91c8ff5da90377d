//! `cargo xtask fuzz`: the coverage-guided targets of fuzz/, one after the other. They begin with the files of the tests.

use anyhow::{Context, Result, bail};

use crate::shell;

/// Folders of files that the targets begin with, beside what earlier runs found.
const SEEDS: [&str; 2] = ["tests/data/tiny", "tests/data/formats"];

/// Arguments of the command.
#[derive(clap::Args)]
pub struct Args {
    /// How long to run each target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Most memory of a target, in MB
    #[arg(long, default_value_t = 2048)]
    memory: u64,
    /// Which ones; all without any
    targets: Vec<String>,
}

/// Runs each target for its time; all of them, also after one has failed.
///
/// # Errors
/// When cargo-fuzz is not there, or a target found something. Its output says which input, and how to run it again.
pub fn run(args: &Args) -> Result<()> {
    let list = shell::output(&mut cargo_fuzz("list"));
    let list = list.context("cargo-fuzz is missing: cargo install cargo-fuzz")?;
    let known: Vec<&str> = list.lines().collect();
    let chosen: Vec<&str> = match args.targets.as_slice() {
        [] => known.clone(),
        some => some.iter().map(String::as_str).collect(),
    };
    if let Some(unknown) = chosen.iter().find(|target| !known.contains(target)) {
        bail!("no target {unknown}; there are {}", known.join(", "));
    }
    let mut failed = Vec::new();
    for target in chosen {
        println!("== {target}");
        let corpus = shell::root().join("fuzz/corpus").join(target);
        std::fs::create_dir_all(&corpus)?;
        let mut command = cargo_fuzz("run");
        command.arg(target).arg(corpus);
        command.args(SEEDS.map(|folder| shell::root().join(folder)));
        command.arg("--").args([
            format!("-max_total_time={}", args.seconds),
            format!("-rss_limit_mb={}", args.memory),
            "-timeout=30".to_owned(),
            "-print_final_stats=1".to_owned(),
            // Lost memory is the address sanitizer's alone to tell, and it can't where ptrace is forbidden.
            "-detect_leaks=0".to_owned(),
        ]);
        if shell::run(&mut command).is_err() {
            failed.push(target);
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// A cargo-fuzz command. Its flags are those of nightly compilers; stable ones take them when told so, for this call alone.
fn cargo_fuzz(command: &str) -> std::process::Command {
    let mut cargo = shell::command("cargo");
    cargo.args(["fuzz", command]).env("RUSTC_BOOTSTRAP", "1");
    cargo
}
