//! The threads that help with single blocks: one set for all chains of the process.

use std::hint::spin_loop;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;

use libmetachain_ledger::{Alone, Workers};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Beside the thread that asks. Blocks are small: more would wait for each other.
const HELPERS_MAX: usize = 7;

/// Turns of a short wait, about 20 µs: what is still to come by then is worth sleeping for.
const SPINS: usize = 1_000;

/// The helpers, unless this process has one processor only, or can start no threads.
static HELPERS: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    let processors = available_parallelism().map_or(1, NonZero::get);
    if processors < 2 {
        return None;
    }
    ThreadPoolBuilder::new()
        .num_threads(HELPERS_MAX.min(processors - 1))
        .thread_name(|_| "metachain-helper".into())
        .build()
        .ok()
});

/// Whoever a ledger's work may be spread to. Threads start with the first block that needs them.
pub(crate) fn workers() -> Arc<dyn Workers> {
    Arc::new(Helpers)
}

struct Helpers;

impl Workers for Helpers {
    fn run(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        let Some(helpers) = &*HELPERS else {
            return Alone.run(parts, work);
        };
        // Everybody takes the next part that nobody has: who wakes late does less.
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let take = || {
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                if part >= parts {
                    break;
                }
                work(part);
                done.fetch_add(1, Ordering::Release);
            }
        };
        helpers.in_place_scope(|scope| {
            for _ in 1..parts.min(1 + helpers.current_num_threads()) {
                scope.spawn(|_| take());
            }
            take();
            // The last part is nearly done: sleeping and waking would take longer.
            for _ in 0..SPINS {
                if done.load(Ordering::Acquire) >= parts {
                    break;
                }
                spin_loop();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn every_part_is_done_once_also_by_parts_of_parts() {
        let done = Mutex::new(Vec::new());
        Helpers.run(9, &|outer| {
            Helpers.run(5, &|inner| done.lock().unwrap().push((outer, inner)));
        });
        let mut done = done.into_inner().unwrap();
        done.sort_unstable();
        let all = (0..9).flat_map(|outer| (0..5).map(move |inner| (outer, inner)));
        assert!(done.into_iter().eq(all));
    }

    #[test]
    fn a_panic_comes_back_to_who_asked() {
        let result = std::panic::catch_unwind(|| {
            Helpers.run(4, &|part| assert_ne!(part, 2, "as planned"));
        });
        assert!(result.is_err());
        // And the threads are still there.
        Helpers.run(4, &|_| ());
    }
}
