//! One run of `kvlens`, its time and its peak memory.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::shell;

/// What a run took.
pub struct Run {
    /// From start to end.
    pub seconds: f64,
    /// The most bytes that it had resident; 0 where the system does not tell (it has no /proc).
    pub peak: u64,
}

/// Runs an analysis with its defaults.
///
/// # Errors
/// When it fails.
pub fn kvlens(analysis: &str, dump: &Path, out: &Path, threads: usize) -> Result<Run> {
    let mut command = Command::new(shell::root().join("target/release/kvlens"));
    command
        .arg(analysis)
        .arg("--dump-dir")
        .arg(dump)
        .arg("--out-dir")
        .arg(out);
    command
        .args(["--threads", &threads.to_string()])
        .stdout(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn()?;
    let mut peak = 0;
    let status = loop {
        peak = peak.max(resident(&child));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        sleep(Duration::from_millis(1));
    };
    ensure!(status.success(), "kvlens {analysis}: {status}");
    Ok(Run {
        seconds: start.elapsed().as_secs_f64(),
        peak,
    })
}

/// The peak so far.
fn resident(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
