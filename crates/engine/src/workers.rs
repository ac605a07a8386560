//! The threads that help with single blocks: one set for all chains of the process.

use std::hint::spin_loop;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;

use libmetachain_ledger::{Alone, Workers};
use rayon::{ThreadPool, ThreadPoolBuilder};

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

/// Whether somebody works on a helper's thread.
static LENT: AtomicBool = AtomicBool::new(false);

/// Does work, which must be short, on the thread of a helper, unless somebody else does already.
///
/// There, parts that no other helper has begun are taken back at the end. From any other thread they must be
/// waited for, which is long where a helper's processor has something else to do.
///
/// Short, and one at a time, because a helper that waits for a part may begin any other work meanwhile: it then
/// holds up whoever it was working for.
pub(crate) fn among<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match &*HELPERS {
        Some(helpers) if !LENT.swap(true, Ordering::AcqRel) => {
            let _returned = Returned;
            helpers.install(work)
        }
        _ => work(),
    }
}

/// The helper goes back when this is dropped.
struct Returned;

impl Drop for Returned {
    fn drop(&mut self) {
        LENT.store(false, Ordering::Release);
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
        let others = parts
            .saturating_sub(1)
            .min(helpers.current_num_threads() - 1);
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
    fn the_thread_of_a_helper_is_lent_to_one_at_a_time_and_comes_back() {
        let here = std::thread::current().id();
        let inside = among(|| {
            let second = among(rayon::current_thread_index);
            assert_eq!(second, rayon::current_thread_index(), "where the first is");
            Helpers.run(5, &|_| ());
            std::thread::current().id()
        });
        let _ = std::panic::catch_unwind(|| among(|| panic!("as planned")));
        let again = among(|| std::thread::current().id());
        let lent = HELPERS.is_some();
        assert_eq!((inside != here, again != here), (lent, lent));
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
