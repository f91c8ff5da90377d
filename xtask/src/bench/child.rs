//! A run of `kvlens` in a child process, its time and its peak memory.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::shell;

/// Time and memory of a run.
pub struct Run {
    /// Wall time in seconds.
    pub seconds: f64,
    /// Peak resident memory in bytes; 0 if the OS does not tell (no /proc).
    pub peak: u64,
}

/// Runs an analysis with its default settings.
///
/// # Errors
/// When the analysis fails.
pub fn analysis(name: &str, dump: &Path, out: &Path, threads: usize) -> Result<Run> {
    let mut command = kvlens(name, threads);
    command.arg("--dump-dir").arg(dump);
    measure(command.arg("--out-dir").arg(out))
}

/// A command of kvlens, on so many threads.
pub fn kvlens(name: &str, threads: usize) -> Command {
    let mut command = Command::new(shell::target().join("release/kvlens"));
    command.args([name, "--threads", &threads.to_string()]);
    command
}

/// Runs a command to its end.
///
/// # Errors
/// When it fails.
pub fn measure(command: &mut Command) -> Result<Run> {
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let mut peak = 0;
    let status = loop {
        peak = peak.max(resident(&child));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        sleep(Duration::from_millis(1));
    };
    ensure!(status.success(), "{command:?}: {status}");
    Ok(Run {
        seconds: start.elapsed().as_secs_f64(),
        peak,
    })
}

/// Peak resident memory so far, in bytes.
fn resident(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
