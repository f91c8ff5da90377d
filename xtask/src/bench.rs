//! Time and peak memory of the four analyses, compared with the time that C libzstd alone needs for the same streams.
//!
//! Each analysis runs as `kvlens` does (release build, in a process of its own) on the sample dump and on a generated
//! one. In the same run and on as many threads, libzstd (crate `zstd`) compresses the distinct streams of that analysis
//! from memory. For both, the best of several rounds counts.

mod browser;
mod child;
mod dump;
mod libzstd;
mod packing;
mod streams;
mod zstd;
mod zstd_wasm;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use anyhow::{Context, Result, ensure};
use kvlens::analysis::{Job, specs};
use kvlens::dump::{Dump, FolderSource, ScanOptions, Source, scan};

use crate::shell;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub struct Args {
    /// Number of threads, for kvlens and libzstd; all cores by default
    #[arg(long)]
    threads: Option<usize>,
    /// Number of rounds; the best one counts
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Size of the generated dump, in MB
    #[arg(long, default_value_t = 200)]
    megabytes: usize,
    /// Run only this analysis, or `zstd` alone
    #[arg(long)]
    analysis: Option<String>,
    /// Compare the page's engine in Chromium with the command line, on the generated dump
    #[arg(long)]
    browser: bool,
    /// Measure explore, pack and unpack instead
    #[arg(long)]
    packing: bool,
    /// The dump that `--packing` measures; the generated one by default
    #[arg(long, requires = "packing")]
    dump: Option<PathBuf>,
    /// Also measure our zstd as wasm in Chromium against C libzstd
    #[arg(long)]
    wasm: bool,
    /// File for the table
    #[arg(long, default_value = "bench/native.csv")]
    csv: PathBuf,
}

/// A line of the table.
struct Figures {
    dump: &'static str,
    analysis: &'static str,
    bytes: u64,
    seconds: f64,
    peak: u64,
    libzstd: f64,
    memory_target: u64,
}

/// Measures, prints the table and writes it.
///
/// # Errors
/// When kvlens can't be built or fails, or a file can't be written.
pub fn run(args: &Args) -> Result<()> {
    let threads = args.threads.unwrap_or(available_parallelism()?.get());
    // An analysis without a target is not limited by compression: libzstd says nothing about its speed.
    let targets: Vec<(&str, f64)> = specs()
        .into_iter()
        .filter_map(|spec| Some((spec.name, spec.speed_target?)))
        .filter(|(name, _)| args.analysis.as_ref().is_none_or(|only| only == name))
        .collect();
    let only_zstd = args.analysis.as_deref() == Some("zstd");
    ensure!(
        only_zstd || !targets.is_empty(),
        "no analysis of this name is compared with libzstd"
    );
    shell::run(shell::command("cargo").args(["build", "--release", "--bin", "kvlens"]))?;
    let sample = shell::root().join("tests/data/sample-dump/dumps");
    let generated = shell::root()
        .join("target/bench")
        .join(format!("dump-{}", args.megabytes));
    dump::generate(&generated, args.megabytes)?;
    if args.browser {
        return browser::run(args, threads, &generated);
    }
    if args.packing {
        return packing::run(args, threads, &generated);
    }
    if only_zstd || args.analysis.is_none() {
        measure_zstd(&sample, &generated, args.wasm)?;
    }
    if only_zstd {
        return Ok(());
    }
    let mut all = Vec::new();
    println!("dump       analysis       MB       s      MB/s   peak MB  libzstd s  ratio  target");
    for (name, path) in [("sample", &sample), ("generated", &generated)] {
        let dump = open(path)?;
        for &(analysis, target) in &targets {
            let figures = measure(name, path, &dump, analysis, threads, args.rounds)?;
            println!("{}  {target}", figures.line());
            all.push(figures);
        }
    }
    // A part of the figures does not replace all of them.
    if args.analysis.is_none() {
        write(&shell::root().join(&args.csv), threads, &all)?;
    }
    Ok(())
}

/// Runs in this process if it is optimized, otherwise in one that is.
fn measure_zstd(sample: &Path, generated: &Path, wasm: bool) -> Result<()> {
    if cfg!(debug_assertions) {
        let again = "run --release --quiet --package xtask -- bench --analysis zstd";
        return shell::run(
            shell::command("cargo")
                .args(again.split(' '))
                .args(wasm.then_some("--wasm")),
        );
    }
    let dumps = [("sample", sample, 192), ("generated", generated, 1024)];
    let module = wasm.then(zstd_wasm::build).transpose()?;
    zstd::run(
        &dumps,
        module.as_deref(),
        &shell::root().join("bench/zstd.csv"),
    )
}

fn open(path: &Path) -> Result<Dump> {
    let source: std::sync::Arc<dyn Source> = std::sync::Arc::new(FolderSource::open(path)?);
    let dump = scan(&source, &ScanOptions::default());
    ensure!(dump.problems.is_empty(), "{} has problems", path.display());
    Ok(dump)
}

fn measure(
    name: &'static str,
    path: &Path,
    dump: &Dump,
    analysis: &'static str,
    threads: usize,
    rounds: u32,
) -> Result<Figures> {
    let out = tempfile::tempdir()?;
    let job = Job::new(analysis, [("stage", "both")])?;
    let (mut seconds, mut peak) = (f64::INFINITY, 0);
    let mut libzstd = f64::INFINITY;
    for _ in 0..rounds {
        let run = child::analysis(analysis, path, out.path(), threads)?;
        seconds = seconds.min(run.seconds);
        peak = peak.max(run.peak);
        libzstd = libzstd.min(libzstd::seconds(dump, &job, threads)?);
    }
    let largest = dump
        .captures
        .iter()
        .map(|capture| capture.bytes())
        .max()
        .unwrap_or(0);
    Ok(Figures {
        dump: name,
        analysis,
        bytes: dump.captures.iter().map(|capture| capture.bytes()).sum(),
        seconds,
        peak,
        libzstd,
        memory_target: 8 * largest + 64_000_000,
    })
}

impl Figures {
    fn line(&self) -> String {
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        format!(
            "{:<10} {:<13} {:>6.1} {:>7.3} {:>8.1} {:>6.1}/{:<4.0} {:>8.3} {:>6.2}",
            self.dump,
            self.analysis,
            megabytes(self.bytes),
            self.seconds,
            megabytes(self.bytes) / self.seconds,
            megabytes(self.peak),
            megabytes(self.memory_target),
            self.libzstd,
            self.seconds / self.libzstd,
        )
    }
}

fn write(path: &Path, threads: usize, all: &[Figures]) -> Result<()> {
    let mut csv = String::from(
        "dump,analysis,threads,bytes,seconds,mb_per_s,peak_bytes,libzstd_seconds,ratio\n",
    );
    for figures in all {
        let Figures {
            dump,
            analysis,
            bytes,
            seconds,
            peak,
            libzstd,
            ..
        } = figures;
        let (rate, ratio) = (*bytes as f64 / 1e6 / seconds, seconds / libzstd);
        csv += &format!(
            "{dump},{analysis},{threads},{bytes},{seconds:.4},{rate:.1},{peak},{libzstd:.4},{ratio:.3}\n"
        );
    }
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    fs::write(path, csv).with_context(|| path.display().to_string())
}
