//! The threads that help with single blocks: one set for all chains of the process.

use std::hint::spin_loop;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;

use libmetachain_ledger::{Alone, Workers};
use rayon::{ThreadPool, ThreadPoolBuilder, current_thread_index, scope};

/// The thread that asks included. Blocks are small: more would wait for each other.
const THREADS_MAX: usize = 8;

/// Turns of a short wait, about 20 µs: what is still to come by then is worth sleeping for.
const SPINS: usize = 1_000;

/// The helpers, unless this process has one processor only, or can start no threads.
static HELPERS: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    let processors = available_parallelism().map_or(1, NonZero::get);
    if processors < 2 {
        return None;
    }
    ThreadPoolBuilder::new()
        .num_threads(THREADS_MAX.min(processors))
        .thread_name(|_| "metachain-helper".into())
        .build()
        .ok()
});

/// How many of the helpers are lent as whole threads.
static LENT: AtomicUsize = AtomicUsize::new(0);

/// Does work on the thread of a helper, where one can be spared.
///
/// There, parts that no other helper has begun are taken back at the end. From any other thread they must be
/// waited for, which is long where a helper's processor has something else to do.
pub(crate) fn among<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let Some(helpers) = &*HELPERS else {
        return work();
    };
    // One must be left to help. And nobody ever waits for a thread that is lent: what is done there may itself
    // wait for a disk.
    let spare = helpers.current_num_threads() - 1;
    let lend = |lent: usize| (lent < spare).then_some(lent + 1);
    if LENT
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, lend)
        .is_err()
    {
        return work();
    }
    let _returned = Returned;
    helpers.install(work)
}

/// A helper that goes back when this is dropped.
struct Returned;

impl Drop for Returned {
    fn drop(&mut self) {
        LENT.fetch_sub(1, Ordering::AcqRel);
    }
}

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
        let others = parts.saturating_sub(1).min(helpers.current_num_threads() - 1);
        if current_thread_index().is_some() {
            return scope(|scope| {
                for _ in 0..others {
                    scope.spawn(|_| take());
                }
                take();
            });
        }
        helpers.in_place_scope(|scope| {
            for _ in 0..others {
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
