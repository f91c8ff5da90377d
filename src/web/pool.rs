//! The rayon pool on Web Workers. The page's side is `www/engine/threads.js` and `www/engine/pool.js`.
//!
//! Crate wasm-bindgen-rayon does the same with workers made of `blob:` addresses, which the page's policy does not allow, and without
//! a way to learn of a worker's death.

use std::sync::{Condvar, Mutex, PoisonError};

use rayon::{ThreadBuilder, ThreadPoolBuilder};
use wasm_bindgen::prelude::*;

/// Pool threads that no worker runs yet.
static WAITING: Mutex<Vec<ThreadBuilder>> = Mutex::new(Vec::new());
static ADDED: Condvar = Condvar::new();

/// Makes the global pool. `threads` workers must be in, or about to enter, [`run_pool_thread`]: this waits for them.
#[wasm_bindgen(js_name = startPool)]
pub fn start_pool(threads: usize) -> Result<(), JsError> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .spawn_handler(|thread| {
            WAITING
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(thread);
            ADDED.notify_one();
            Ok(())
        })
        .build_global()
        .map_err(JsError::from)
}

/// Runs one thread of the pool on the worker that calls it, for ever.
#[wasm_bindgen(js_name = runPoolThread)]
pub fn run_pool_thread() {
    let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    let thread = loop {
        match waiting.pop() {
            Some(thread) => break thread,
            None => {
                waiting = ADDED.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
        }
    };
    drop(waiting);
    thread.run();
}
