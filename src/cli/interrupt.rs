//! Handles Ctrl-C, and the signals of a batch system or a closed terminal: they end a run between two captures, with nothing written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag::{register, register_conditional_shutdown, register_usize};

use super::failure::Failure;

/// The last signal; 0 where there was none.
static SIGNAL: AtomicUsize = AtomicUsize::new(0);

/// Installs the handlers; the first signal sets the returned flag, a second one of the same kind ends the program at once.
pub fn catch() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in signals() {
        // Handlers run in the order of registration, so that the flag is not yet set at the first signal.
        let caught = register_conditional_shutdown(signal, 128 + signal, Arc::clone(&flag))
            .and_then(|_| register_usize(signal, &SIGNAL, signal as usize))
            .and_then(|_| register(signal, Arc::clone(&flag)));
        if let Err(error) = caught {
            tell!("signal {signal} will end the program without cleaning up: {error}");
        }
    }
    flag
}

/// The failure of an interrupted run; status 130 after Ctrl-C, as shells count.
pub fn failure() -> Failure {
    let status = match SIGNAL.load(Ordering::SeqCst) {
        0 => 130,
        signal => 128 + signal as u8,
    };
    Failure::new(status, "interrupted, nothing written")
}

#[cfg(unix)]
fn signals() -> Vec<i32> {
    use signal_hook::consts::SIGHUP;
    let mut signals = vec![SIGINT, SIGTERM];
    if !hangup_is_ignored() {
        signals.push(SIGHUP);
    }
    signals
}

#[cfg(not(unix))]
fn signals() -> Vec<i32> {
    vec![SIGINT, SIGTERM]
}

/// Whether the program was started by `nohup` or the like, and is to outlive its terminal. Linux tells; elsewhere finding out takes unsafe
/// code, and a hangup keeps its default action there: it ends the run at once, or does nothing where it is ignored.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Signal n is bit n-1; a hangup is signal 1.
    ignored.is_none_or(|mask| mask & 1 != 0)
}
