//! Runs work on a pool of its own while the calling thread waits for it or for a signal, which ends the program at once.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use clap::{Arg, ArgMatches, value_parser};
use kvlens::par::{MAX_THREADS, Pool};

use super::failure::Failure;
use super::interrupt;
use super::progress::ShareBar;

/// How often the waiting thread checks for a signal.
const TICK: Duration = Duration::from_millis(50);

/// Runs `work` with this many threads, or one for each core; returns its result. After a signal the work is not waited for.
fn run<T: Send + 'static>(
    threads: Option<usize>,
    interrupted: &AtomicBool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let pool = Pool::new(threads).map_err(|error| Failure::new(1, error))?;
    let (sender, receiver) = channel();
    pool.spawn(move || {
        // After a signal nobody receives the result.
        let _ = sender.send(catch_unwind(AssertUnwindSafe(work)));
    });
    loop {
        match receiver.recv_timeout(TICK) {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(panic)) => resume_unwind(panic),
            Err(RecvTimeoutError::Timeout) if interrupted.load(Ordering::Relaxed) => {
                return Err(interrupt::failure());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::new(1, "its threads are gone"));
            }
        }
    }
}

/// Runs `work` with the number of threads that was given, under a progress bar. `work` gets a function that shows the name of the current
/// step and the fraction of it that is done, and returns whether to continue.
pub fn run_shown<T: Send + 'static>(
    matches: &ArgMatches,
    interrupted: &Arc<AtomicBool>,
    work: impl FnOnce(&dyn Fn(&'static str, f64) -> bool) -> T + Send + 'static,
) -> Result<T, Failure> {
    let bar = ShareBar::new();
    let (shown, flag) = (bar.clone(), Arc::clone(interrupted));
    let done = run(threads_of(matches), interrupted, move || {
        work(&|step, share| {
            shown.show(step, share);
            !flag.load(Ordering::Relaxed)
        })
    });
    bar.close();
    done
}

/// The flag for the number of threads.
pub fn threads() -> Arg {
    Arg::new("threads")
        .long("threads")
        .value_name("N")
        .value_parser(value_parser!(u16).range(1..=i64::from(MAX_THREADS)))
        .help(format!(
            "Threads to compute with [1 to {MAX_THREADS}; default: all cores]"
        ))
}

/// The number of threads that was given.
pub fn threads_of(matches: &ArgMatches) -> Option<usize> {
    matches
        .get_one("threads")
        .map(|&threads: &u16| threads.into())
}
