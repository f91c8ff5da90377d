//! `cargo xtask fuzz-zstd`: compares our frames and sizes with C libzstd's until the time is up.
//!
//! Prints streams, bytes and mismatches. A mismatch is reduced as long as it remains one, and saved.

pub mod streams;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use kvlens::codec::zstd::{compress, compressed_size};
use streams::{Pool, Rng};
use zstd::zstd_safe::{self, CCtx};

/// Version of libzstd that frames must equal.
const LIBZSTD: u32 = 1_05_07;

/// Interval at which the counters are printed.
const REPORT_EVERY: Duration = Duration::from_secs(30);

/// Arguments of the command.
#[derive(clap::Args)]
pub struct Args {
    /// Seconds to run
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Seed; each one gives other streams
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Use only this level; by default mostly 1 to 4, and never more
    #[arg(long, allow_hyphen_values = true)]
    level: Option<i32>,
    /// Maximum length of a stream, in bytes
    #[arg(long, default_value_t = 20 << 20)]
    longest: usize,
    /// Folder whose files, including those in subfolders, are cut into streams
    #[arg(long, default_value = "tests/data")]
    data: PathBuf,
    /// Folder in which mismatches are saved
    #[arg(long, default_value = "target/fuzz-zstd")]
    out: PathBuf,
}

/// Compares until the time is up; fails if anything differed.
pub fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(
        zstd_safe::version_number() == LIBZSTD,
        "C libzstd is {}",
        zstd_safe::version_number()
    );
    let mut given = Vec::new();
    read_files(&args.data, &mut given)?;
    given.push(fs::read(std::env::current_exe()?)?);
    let pool = Pool::new(given);
    let mut reference = Reference::new();

    let start = Instant::now();
    let mut reported = start;
    let (mut streams, mut bytes, mut mismatches) = (0u64, 0u64, 0u64);
    let report = |streams: u64, bytes: u64, mismatches: u64| {
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "seed {}: {streams} streams, {:.3} GB, {mismatches} mismatches, {seconds:.0} s, {:.0} MB/s",
            args.seed,
            bytes as f64 / 1e9,
            bytes as f64 / 1e6 / seconds
        );
    };
    let mut stream = Vec::new();
    while start.elapsed().as_secs() < args.seconds {
        let seed = args.seed.wrapping_mul(1 << 40).wrapping_add(streams);
        pool.stream(seed, args.longest, &mut stream);
        let level = args.level.unwrap_or_else(|| level(&mut Rng::new(!seed)));
        streams += 1;
        bytes += stream.len() as u64;
        if reference.differs(&stream, level) {
            mismatches += 1;
            let path = save(&mut reference, stream.clone(), level, seed, &args.out)?;
            println!(
                "level {level}, {} bytes differ: {}",
                stream.len(),
                path.display()
            );
        }
        if reported.elapsed() > REPORT_EVERY {
            reported = Instant::now();
            report(streams, bytes, mismatches);
        }
    }
    report(streams, bytes, mismatches);
    if mismatches > 0 {
        bail!("{mismatches} streams differ");
    }
    Ok(())
}

/// A level from -7 to 4, mostly 1 to 4, and sometimes any negative one.
fn level(rng: &mut Rng) -> i32 {
    match rng.below(20) {
        0..12 => rng.between(1, 4) as i32,
        12 => -(rng.magnitude(131_072) as i32),
        _ => rng.between(0, 11) as i32 - 7,
    }
}

/// C libzstd with a context that is reused.
struct Reference {
    context: CCtx<'static>,
    frame: Vec<u8>,
}

impl Reference {
    fn new() -> Self {
        Self {
            context: CCtx::create(),
            frame: Vec::new(),
        }
    }

    fn differs(&mut self, stream: &[u8], level: i32) -> bool {
        self.frame.clear();
        self.frame.reserve(zstd_safe::compress_bound(stream.len()));
        let result = self.context.compress(&mut self.frame, stream, level);
        let expected = result.map(|_| &*self.frame).unwrap_or_default();
        compress(stream, level) != expected || compressed_size(stream, level) != expected.len()
    }
}

/// Removes parts of a stream as long as the result still differs, then writes it to a file.
fn save(
    reference: &mut Reference,
    mut stream: Vec<u8>,
    level: i32,
    seed: u64,
    out: &Path,
) -> anyhow::Result<PathBuf> {
    let mut part = stream.len().div_ceil(2);
    let mut tries = 2000;
    while part > 0 && tries > 0 {
        let mut end = stream.len();
        while end > 0 && tries > 0 {
            let start = end.saturating_sub(part);
            let shorter = [&stream[..start], &stream[end..]].concat();
            if reference.differs(&shorter, level) {
                stream = shorter;
            }
            end = start;
            tries -= 1;
        }
        part /= 2;
    }
    fs::create_dir_all(out)?;
    let path = out.join(format!("level_{level}_seed_{seed:x}.bin"));
    fs::write(&path, &stream).with_context(|| format!("can't write {}", path.display()))?;
    Ok(path)
}

fn read_files(folder: &Path, into: &mut Vec<Vec<u8>>) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<_>>()?;
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        if path.is_dir() {
            read_files(&path, into)?;
        } else {
            all.extend(fs::read(&path)?);
        }
    }
    let plane = |first: usize| all.iter().skip(first).step_by(2).copied().collect();
    into.extend([plane(0), plane(1), all]);
    Ok(())
}
