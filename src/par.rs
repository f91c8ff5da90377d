//! Parallelism in a few functions: rayon with the feature `threads`, otherwise the same API on the calling thread.

#[cfg(feature = "threads")]
mod imp {
    use std::cell::Cell;

    /// Nesting limit for work taken up while waiting. A thread that waits for one half of a [`join`] takes up other
    /// work, in which it may wait again: with many small captures over a hundred tasks piled up on one stack. Work
    /// nested this deep runs on its own thread only, so it never waits.
    const MAX_DEPTH: usize = 8;

    thread_local! {
        static DEPTH: Cell<usize> = const { Cell::new(0) };
    }

    /// Runs work that a thread took up, possibly while it was waiting.
    fn taken_up<R>(work: impl FnOnce() -> R) -> R {
        /// Restores the depth, even if `work` panics.
        struct Done(usize);
        impl Drop for Done {
            fn drop(&mut self) {
                DEPTH.set(self.0);
            }
        }
        let depth = DEPTH.get();
        let _done = Done(depth);
        DEPTH.set(depth + 1);
        work()
    }

    /// Runs both closures, in parallel if a thread is free, and returns both results.
    pub fn join<A: Send, B: Send>(
        a: impl FnOnce() -> A + Send,
        b: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        let (mut a, mut b) = (Some(a), Some(b));
        let (mut of_a, mut of_b) = (None, None);
        run_both(&mut || of_a = a.take().map(|a| a()), &mut || {
            of_b = b.take().map(|b| b());
        });
        of_a.zip(of_b).expect("both closures ran")
    }

    /// The part of [`join`] that does not depend on its types. A copy of rayon's `join_context` for each pair of closures, of which there
    /// are some fifty, made the module with threads 16 KB larger (gzipped).
    fn run_both(a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        if DEPTH.get() >= MAX_DEPTH {
            a();
            b();
            return;
        }
        rayon::join_context(
            |_| a(),
            |context| {
                if context.migrated() { taken_up(b) } else { b() }
            },
        );
    }

    /// A thread pool that tasks run on.
    #[derive(Debug, Default)]
    pub struct Pool(Option<rayon::ThreadPool>);

    impl Pool {
        /// A pool with this many threads; with `None`, the global pool of the process, which has one thread per core.
        ///
        /// # Errors
        /// When threads can't be started, with the OS error message.
        pub fn new(threads: Option<usize>) -> Result<Self, String> {
            let own = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = threads.map(own).transpose();
            pool.map(Self).map_err(|error| error.to_string())
        }

        /// Starts `task` and returns immediately.
        pub fn spawn(&self, task: impl FnOnce() + Send + 'static) {
            match &self.0 {
                Some(pool) => pool.spawn(|| taken_up(task)),
                None => rayon::spawn(|| taken_up(task)),
            }
        }
    }

    /// Index of the current thread in the pool; 0 outside of it.
    pub fn current_thread() -> usize {
        rayon::current_thread_index().unwrap_or(0)
    }
}

#[cfg(not(feature = "threads"))]
mod imp {
    /// Runs `a`, then `b`, and returns both results.
    pub fn join<A: Send, B: Send>(
        a: impl FnOnce() -> A + Send,
        b: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        (a(), b())
    }

    /// The thread that tasks run on: always the calling one.
    #[derive(Debug, Default)]
    pub struct Pool;

    impl Pool {
        /// The calling thread, whatever the number.
        ///
        /// # Errors
        /// None: it returns a `Result` only because the threaded build does.
        pub fn new(_: Option<usize>) -> Result<Self, String> {
            Ok(Self)
        }

        /// Runs `task` before it returns.
        pub fn spawn(&self, task: impl FnOnce() + Send + 'static) {
            task();
        }
    }

    /// Always 0: there is only the calling thread.
    pub fn current_thread() -> usize {
        0
    }
}

/// Largest number of threads that a user may ask for.
pub const MAX_THREADS: u16 = 1024;

pub use imp::{Pool, current_thread, join};

/// Applies `f` to every item and returns the results in the items' order. Meant for few items with much work each.
pub fn map<T: Sync, R: Send>(items: &[T], f: &(impl Fn(&T) -> R + Sync)) -> Vec<R> {
    match items {
        [] => Vec::new(),
        [one] => vec![f(one)],
        _ => {
            let (left, right) = items.split_at(items.len() / 2);
            let (mut all, more) = join(|| map(left, f), || map(right, f));
            all.extend(more);
            all
        }
    }
}

/// The same, where `f` takes the items. [`map`] is not made of it: a list of references for each call made the modules 4 KB larger.
pub fn map_taken<T: Send, R: Send>(mut items: Vec<T>, f: &(impl Fn(T) -> R + Sync)) -> Vec<R> {
    if items.len() < 2 {
        return items.into_iter().map(f).collect();
    }
    let right = items.split_off(items.len() / 2);
    let (mut all, more) = join(|| map_taken(items, f), || map_taken(right, f));
    all.extend(more);
    all
}

#[cfg(all(test, feature = "threads"))]
mod tests {
    use std::cell::Cell;
    use std::hint::black_box;
    use std::sync::mpsc::channel;

    use super::{Pool, join, map};

    thread_local! {
        static NESTED: Cell<usize> = const { Cell::new(0) };
    }

    fn work(amount: u64) -> u64 {
        (0..amount).fold(0, |sum, i| black_box(sum ^ i))
    }

    /// Nested as in the analyses: tensors, within them methods, within those sizes next to errors.
    #[test]
    fn tasks_taken_up_while_waiting_do_not_pile_up_on_a_stack() {
        let (sender, receiver) = channel();
        let pool = Pool::default();
        for _ in 0..20_000 {
            let sender = sender.clone();
            pool.spawn(move || {
                NESTED.set(NESTED.get() + 1);
                let methods = [1_u64, 5, 2, 4, 3];
                let method = |each: &u64| join(|| work(100 * each), || work(1000 / each));
                join(|| map(&methods, &method), || map(&methods, &method));
                let _ = sender.send(NESTED.get());
                NESTED.set(NESTED.get() - 1);
            });
        }
        drop(sender);
        let nested: Vec<_> = receiver.iter().collect();
        assert_eq!(nested.len(), 20_000);
        assert!(
            nested.iter().all(|&nested| nested <= 8),
            "{:?}",
            nested.iter().max()
        );
    }

    #[test]
    fn map_keeps_the_order() {
        for len in 0..20 {
            let items: Vec<usize> = (0..len).collect();
            assert_eq!(
                map(&items, &|&item| item * 2),
                items.iter().map(|item| item * 2).collect::<Vec<_>>()
            );
        }
    }
}
