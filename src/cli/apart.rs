//! Work on threads of its own, beside one that waits: a signal ends the program at once, however long a step of the work takes.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use clap::{Arg, ArgMatches, value_parser};
use kvlens::par::Pool;

use super::failure::Failure;
use super::interrupt;

/// How often the one that waits looks for a signal.
const TICK: Duration = Duration::from_millis(50);

/// What `work` gives, done by so many threads; without a number by as many as there are cores. After a signal it is not waited for.
pub fn run<T: Send + 'static>(
    threads: Option<usize>,
    interrupted: &AtomicBool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let pool = Pool::new(threads).map_err(|error| Failure::new(1, error))?;
    let (sender, receiver) = channel();
    pool.spawn(move || {
        // Nobody listens any more after a signal.
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

/// How many threads compute.
pub fn threads() -> Arg {
    Arg::new("threads")
        .long("threads")
        .value_name("N")
        .value_parser(value_parser!(u16).range(1..=1024))
        .help("Threads to compute with [1 to 1024; default: all cores]")
}

/// The number that was given for it.
pub fn threads_of(matches: &ArgMatches) -> Option<usize> {
    matches
        .get_one("threads")
        .map(|&threads: &u16| threads.into())
}
