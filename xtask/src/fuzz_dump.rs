//! `cargo xtask fuzz-dump`: passes damaged files of each format to the scan until the time is up. A panic ends it and
//! prints the seed that reproduces it.

#[path = "../../tests/mutate/mod.rs"]
mod mutate;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use mutate::{Rng, targets};

use crate::shell;

/// Arguments of the command.
#[derive(clap::Args)]
pub struct Args {
    /// Seconds to run each format
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// First seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Run only these formats, by name
    #[arg(long)]
    only: Vec<String>,
    /// Folder of the files to damage; the repository's tests/data/tiny by default
    #[arg(long)]
    data: Option<PathBuf>,
}

/// Runs each format for its time; fails if anything panicked.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let tiny = || shell::root().join("tests/data/tiny");
    let all = targets(&args.data.clone().unwrap_or_else(tiny));
    let chosen: Vec<_> = all
        .iter()
        .filter(|target| args.only.is_empty() || args.only.iter().any(|name| name == target.name))
        .collect();
    ensure!(
        !chosen.is_empty(),
        "no such format; there are {}",
        names(&all)
    );
    for target in chosen {
        let end = Instant::now() + Duration::from_secs(args.seconds);
        let (mut seed, mut captures) = (args.seed, 0);
        let mut slowest = Duration::ZERO;
        while Instant::now() < end {
            let start = Instant::now();
            match catch_unwind(AssertUnwindSafe(|| target.run(&mut Rng(seed)))) {
                Ok(found) => captures += found,
                Err(_) => bail!("{} panics with seed {seed}", target.name),
            }
            slowest = slowest.max(start.elapsed());
            seed += 1;
        }
        let inputs = seed - args.seed;
        println!(
            "{}: {inputs} inputs, {captures} captures read, slowest {slowest:.1?}, {}",
            target.name,
            peak()
        );
    }
    Ok(())
}

fn names(all: &[mutate::Target]) -> String {
    all.iter()
        .map(|target| target.name)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Peak memory so far, if the OS tells it.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(
        || "memory not known".to_owned(),
        |peak| format!("{} at the most", peak.trim()),
    )
}
