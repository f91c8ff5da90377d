//! Runs work on a pool of its own, while the calling thread waits for it, checks for Ctrl-C and reports progress.

use crate::errors::Raised;
use kvlens::par::Pool;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::any::Any;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

/// How often Python gets control.
pub const ASK: Duration = Duration::from_millis(50);

/// The current step and the fraction of it that is done.
type At = Mutex<Option<(&'static str, f64)>>;

/// One thread for each core.
pub fn all_cores() -> usize {
    available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Runs `work` and returns its result. `work` gets a function that takes the name of the current step and the fraction of it that is done,
/// and returns whether to continue. An exception that Python raises meanwhile, also in `progress`, ends the work and is the error.
pub fn apart<T: Send + 'static>(
    py: Python<'_>,
    progress: Option<&Py<PyAny>>,
    work: impl FnOnce(&dyn Fn(&'static str, f64) -> bool) -> T + Send + 'static,
) -> PyResult<T> {
    // A pool of its own: the process's pool does not exist in a forked child.
    let pool = Pool::new(Some(all_cores())).map_err(PyRuntimeError::new_err)?;
    let (cancel, at) = (Arc::new(AtomicBool::new(false)), Arc::new(At::default()));
    let (sender, receiver) = channel();
    let (stopped, told) = (Arc::clone(&cancel), Arc::clone(&at));
    pool.spawn(move || {
        let go_on = |step, share| {
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some((step, share));
            !stopped.load(Ordering::Relaxed)
        };
        // Can't fail: the receiver waits until this message has come.
        let _ = sender.send(catch_unwind(AssertUnwindSafe(|| work(&go_on))));
    });
    let done = py.detach(move || wait(&receiver, &cancel, &at, progress))?;
    done.map_err(|panic| PyRuntimeError::new_err(words(&*panic)))
}

type Done<T> = Result<T, Box<dyn Any + Send>>;

/// Waits until the work is done, also where it was cancelled: what it writes is then removed.
fn wait<T>(
    receiver: &Receiver<Done<T>>,
    cancel: &AtomicBool,
    at: &At,
    progress: Option<&Py<PyAny>>,
) -> PyResult<Done<T>> {
    let raised = Raised::default();
    let mut last = None;
    let mut ask = || {
        let now = *at.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = Python::attach(|py| {
            py.check_signals()?;
            if let (Some(tell), Some(at)) = (progress, now)
                && now != last
            {
                tell.call1(py, at)?;
            }
            Ok(())
        });
        last = now;
        if let Err(error) = asked {
            raised.set(error);
            cancel.store(true, Ordering::Relaxed);
        }
    };
    let done = loop {
        match receiver.recv_timeout(ASK) {
            Ok(done) => break done,
            Err(RecvTimeoutError::Timeout) => ask(),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err("the work ended without a result"));
            }
        }
    };
    // Reports the end too; nothing can be cancelled any more.
    if !raised.is_set() {
        ask();
    }
    raised.check().map(|()| done)
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("the work failed").to_owned()
}
