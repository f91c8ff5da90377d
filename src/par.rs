//! Parallelism in a few calls: rayon with feature `threads`, the same on the calling thread without it.

#[cfg(feature = "threads")]
mod imp {
    use rayon::prelude::*;

    /// Runs both, in parallel where a thread is free.
    pub fn join<A: Send, B: Send>(
        a: impl FnOnce() -> A + Send,
        b: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        rayon::join(a, b)
    }

    /// `f` of every item, in the items' order.
    pub fn map<T: Sync, R: Send>(items: &[T], f: impl Fn(&T) -> R + Sync + Send) -> Vec<R> {
        items.par_iter().with_max_len(1).map(f).collect()
    }

    /// Starts `task` in the current pool and returns at once.
    pub fn spawn(task: impl FnOnce() + Send + 'static) {
        rayon::spawn(task);
    }

    /// The number of threads of the current pool.
    pub fn threads() -> usize {
        rayon::current_num_threads()
    }

    /// Sets the number of threads of the pool, all cores where absent. To be called once, before the first use.
    ///
    /// # Errors
    /// When threads can't be started or the pool is there already; in the system's words.
    pub fn set_threads(threads: Option<usize>) -> Result<(), String> {
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0));
        builder.build_global().map_err(|error| error.to_string())
    }

    /// Which thread of the pool this is; 0 outside of it.
    pub fn current_thread() -> usize {
        rayon::current_thread_index().unwrap_or(0)
    }
}

#[cfg(not(feature = "threads"))]
mod imp {
    /// Runs `a`, then `b`.
    pub fn join<A: Send, B: Send>(
        a: impl FnOnce() -> A + Send,
        b: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        (a(), b())
    }

    /// `f` of every item, in the items' order.
    pub fn map<T: Sync, R: Send>(items: &[T], f: impl Fn(&T) -> R + Sync + Send) -> Vec<R> {
        items.iter().map(f).collect()
    }

    /// Runs `task`.
    pub fn spawn(task: impl FnOnce() + Send + 'static) {
        task();
    }

    /// One.
    pub fn threads() -> usize {
        1
    }

    /// Has no effect.
    ///
    /// # Errors
    /// None.
    pub fn set_threads(_: Option<usize>) -> Result<(), String> {
        Ok(())
    }

    /// The only one.
    pub fn current_thread() -> usize {
        0
    }
}

pub use imp::{current_thread, join, map, set_threads, spawn, threads};
