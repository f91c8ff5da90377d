//! `cargo xtask bench --packing`: time and peak memory of explore on all threads, of pack and unpack on one.

use std::path::Path;

use anyhow::{Context, Result};

use super::child::{self, Run};
use super::{Args, open};
use crate::shell;

/// The coded scheme at a step between the finest and the coarsest that are of use.
const SCHEME: &str = "tkc:c=0.155";

/// Measures, prints the table and, for the generated dump, writes it.
///
/// # Errors
/// When kvlens fails or a file can't be written.
pub fn run(args: &Args, threads: usize, generated: &Path) -> Result<()> {
    let dump = args.dump.as_deref().unwrap_or(generated);
    let bytes: u64 = open(dump)?.captures.iter().map(|it| it.bytes()).sum();
    let mut csv = String::from("command,threads,bytes,seconds,mb_per_s,peak_bytes\n");
    println!("command  threads      MB       s    MB/s  peak MB");
    for (name, threads, command) in [
        ("explore", threads, explore as Command),
        ("pack", 1, pack),
        ("unpack", 1, unpack),
    ] {
        let (mut seconds, mut peak) = (f64::INFINITY, 0);
        for _ in 0..args.rounds {
            let run = command(dump, threads)?;
            seconds = seconds.min(run.seconds);
            peak = peak.max(run.peak);
        }
        let megabytes = bytes as f64 / 1e6;
        let rate = megabytes / seconds;
        let peak_megabytes = peak as f64 / 1e6;
        println!(
            "{name:<8} {threads:>7} {megabytes:>7.1} {seconds:>7.3} {rate:>7.1} {peak_megabytes:>8.1}"
        );
        csv += &format!("{name},{threads},{bytes},{seconds:.3},{rate:.1},{peak}\n");
    }
    if args.dump.is_none() {
        let path = shell::root().join("bench/packing.csv");
        std::fs::write(&path, csv).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

type Command = fn(&Path, usize) -> Result<Run>;

fn explore(dump: &Path, threads: usize) -> Result<Run> {
    let out = tempfile::tempdir()?;
    child::analysis("explore", dump, out.path(), threads)
}

/// Packs, which includes reading back what was written.
fn pack(dump: &Path, threads: usize) -> Result<Run> {
    let out = tempfile::tempdir()?;
    packed(dump, &out.path().join("packed.kvz"), threads)
}

fn packed(dump: &Path, file: &Path, threads: usize) -> Result<Run> {
    let mut command = child::kvlens("pack", threads);
    command.arg("--dump-dir").arg(dump).arg("--out").arg(file);
    child::measure(command.args(["--scheme", SCHEME]))
}

fn unpack(dump: &Path, threads: usize) -> Result<Run> {
    let out = tempfile::tempdir()?;
    let file = out.path().join("packed.kvz");
    packed(dump, &file, threads)?;
    let mut command = child::kvlens("unpack", threads);
    command.arg(file).arg("--out-dir");
    child::measure(command.arg(out.path().join("unpacked")))
}
