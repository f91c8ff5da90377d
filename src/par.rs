//! Parallelism in a few calls: rayon with feature `threads`, the same on the calling thread without it.

#[cfg(feature = "threads")]
mod imp {
    use std::cell::Cell;

    /// A thread that waits for one half of a [`join`] takes up other work meanwhile, in which it may wait again: with many small captures
    /// over a hundred lay on one stack. Work that lies this deep is done by its thread alone, so it waits for nothing.
    const MAX_DEPTH: usize = 8;

    thread_local! {
        static DEPTH: Cell<usize> = const { Cell::new(0) };
    }

    /// Runs what a thread took up, perhaps while it was waiting.
    fn taken_up<R>(work: impl FnOnce() -> R) -> R {
        /// Sets the depth back, also where `work` panics.
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

    /// Runs both, in parallel where a thread is free.
    pub fn join<A: Send, B: Send>(
        a: impl FnOnce() -> A + Send,
        b: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        if DEPTH.get() >= MAX_DEPTH {
            return (a(), b());
        }
        rayon::join_context(
            |_| a(),
            |context| {
                if context.migrated() { taken_up(b) } else { b() }
            },
        )
    }

    /// The threads that tasks run on.
    #[derive(Debug, Default)]
    pub struct Pool(Option<rayon::ThreadPool>);

    impl Pool {
        /// One with this many threads of its own; without a number the one of the whole process, as many threads as there are cores.
        ///
        /// # Errors
        /// When threads can't be started; in the system's words.
        pub fn new(threads: Option<usize>) -> Result<Self, String> {
            let own = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = threads.map(own).transpose();
            pool.map(Self).map_err(|error| error.to_string())
        }

        /// Starts `task` and returns at once.
        pub fn spawn(&self, task: impl FnOnce() + Send + 'static) {
            match &self.0 {
                Some(pool) => pool.spawn(|| taken_up(task)),
                None => rayon::spawn(|| taken_up(task)),
            }
        }
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

    /// The thread that tasks run on: the calling one.
    #[derive(Debug, Default)]
    pub struct Pool;

    impl Pool {
        /// The calling thread, whatever the number.
        ///
        /// # Errors
        /// None.
        pub fn new(_: Option<usize>) -> Result<Self, String> {
            Ok(Self)
        }

        /// Runs `task`.
        pub fn spawn(&self, task: impl FnOnce() + Send + 'static) {
            task();
        }
    }

    /// The only one.
    pub fn current_thread() -> usize {
        0
    }
}

pub use imp::{Pool, current_thread, join};

/// `f` of every item, in the items' order; items are few and each is much work.
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

    /// Nested as the analyses do: tensors, in them methods, in these sizes beside errors.
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
