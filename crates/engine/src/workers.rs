//! The threads that help with single blocks.
//!
//! A thread that works on large blocks gets helpers of its own. It belongs to their pool itself, and so takes back
//! parts that no helper has begun: where all processors have something else to do, a helper may begin late. Of
//! helpers shared with others such parts would have to be waited for; on a machine whose processors were all busy
//! that made a block of 1,000 take twice as long.

use std::cell::OnceCell;
use std::hint::spin_loop;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread::{self, available_parallelism};
use std::time::{Duration, Instant};

use libmetachain_ledger::{Alone, Workers};
use rayon::{Scope, ThreadPool, ThreadPoolBuilder, Yield};

/// The thread that asks included. Blocks are small: more would wait for each other.
const THREADS_MAX: usize = 8;

/// Threads that get helpers of their own, in the life of the process: of each, the pool keeps 10 to 30 KiB beyond
/// the thread's end. Those that come later share helpers.
const OWNERS_MAX: usize = 16;

/// Turns of a short wait, about 20 µs: what is still to come by then is worth sleeping for.
const SPINS: usize = 1_000;

/// Who asked has been stopped, if it is still at work after so long: ten times what its work takes.
const ATTENDED_MAX: Duration = Duration::from_millis(50);

/// How many threads have got helpers of their own.
static OWNERS: AtomicUsize = AtomicUsize::new(0);

/// The helpers of all others.
static SHARED: LazyLock<Option<ThreadPool>> = LazyLock::new(|| start(ThreadPoolBuilder::new()));

thread_local! {
    /// This thread's helpers.
    static OWN: OnceCell<Option<ThreadPool>> = const { OnceCell::new() };
}

/// Helpers, unless this process has one processor only, or can start no threads.
fn start(builder: ThreadPoolBuilder) -> Option<ThreadPool> {
    let processors = available_parallelism().map_or(1, NonZero::get);
    if processors < 2 {
        return None;
    }
    builder
        .num_threads(THREADS_MAX.min(processors))
        .thread_name(|_| "metachain-helper".into())
        .build()
        .ok()
}

/// Helpers of this thread's own, while there are any to be had.
fn own() -> Option<ThreadPool> {
    let one_more = |owners| (owners < OWNERS_MAX).then_some(owners + 1);
    OWNERS
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
        .ok()?;
    start(ThreadPoolBuilder::new().use_current_thread())
}

/// Whoever a ledger's work may be spread to. Threads start with the first block that needs them.
pub(crate) fn workers() -> Arc<dyn Workers> {
    Arc::new(Helpers)
}

struct Helpers;

impl Workers for Helpers {
    fn run(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        // A helper's thread, which has parts that have parts, has helpers already: its pool's. A thread that ends
        // gets none.
        let has_helpers = rayon::current_thread_index().is_some()
            || OWN
                .try_with(|helpers| helpers.get_or_init(own).is_some())
                .unwrap_or(false);
        if has_helpers {
            let threads = rayon::current_num_threads();
            rayon::in_place_scope(|scope| spread(scope, threads, parts, work));
        } else if let Some(shared) = &*SHARED {
            let threads = shared.current_num_threads();
            shared.in_place_scope(|scope| spread(scope, threads, parts, work));
        } else {
            Alone.run(parts, work);
        }
    }
}

/// Helpers of the asking thread's own, where it has some already; else the thread does everything itself.
///
/// Work that waits for a lock may be given to these only: those that hold the lock may be waiting for shared helpers.
pub(crate) struct OwnHelpers;

impl Workers for OwnHelpers {
    fn run(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        let has_own = OWN.try_with(|helpers| matches!(helpers.get(), Some(Some(_))));
        if has_own.unwrap_or(false) {
            let threads = rayon::current_num_threads();
            rayon::in_place_scope(|scope| spread(scope, threads, parts, work));
        } else {
            Alone.run(parts, work);
        }
    }
}

/// Has a helper of the asking thread's own do this when it has nothing else to do, if there is one. The work must not
/// panic. It may be forgotten when the thread that asks ends.
pub(crate) fn spare(work: impl FnOnce() + Send + 'static) {
    let has_own = OWN.try_with(|helpers| helpers.get_or_init(own).is_some());
    if has_own.unwrap_or(false) {
        rayon::spawn(work);
    }
}

/// While this lives, one of the asking thread's own helpers stays awake between the phases of its work: a helper wakes
/// in about 50 µs, which is as long as a helper's part of a phase takes, and to wake it costs who asks 20 µs.
pub(crate) struct Attended(Arc<AtomicBool>);

impl Attended {
    pub(crate) fn begin() -> Self {
        let (over, asking) = (Arc::new(AtomicBool::new(false)), thread::current().id());
        let told = Arc::clone(&over);
        spare(move || {
            // Whoever asks would wait for itself.
            if thread::current().id() == asking {
                return;
            }
            let begun = Instant::now();
            while !told.load(Ordering::Acquire) && begun.elapsed() < ATTENDED_MAX {
                if rayon::yield_now() != Some(Yield::Executed) {
                    thread::yield_now();
                }
            }
        });
        Self(over)
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Everybody takes the next part that nobody has: who wakes late does less.
fn spread<'scope>(
    scope: &Scope<'scope>,
    threads: usize,
    parts: usize,
    work: &'scope (dyn Fn(usize) + Sync),
) {
    let taken = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let take = move |taken: &(AtomicUsize, AtomicUsize)| {
        let (next, done) = taken;
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part >= parts {
                break;
            }
            work(part);
            done.fetch_add(1, Ordering::Release);
        }
    };
    for _ in 1..threads.min(parts) {
        let taken = Arc::clone(&taken);
        scope.spawn(move |_| take(&taken));
    }
    take(&taken);
    // The last part is nearly done: sleeping and waking would take longer.
    for _ in 0..SPINS {
        if taken.1.load(Ordering::Acquire) >= parts {
            break;
        }
        spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

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
    fn work_that_may_wait_is_done_by_helpers_of_ones_own_or_not_at_all_by_others() {
        // A thread of its own, so that no other test has got it helpers.
        let asked = std::thread::spawn(|| {
            let here = std::thread::current().id();
            OwnHelpers.run(9, &|_| assert_eq!(std::thread::current().id(), here));
            Helpers.run(2, &|_| ());
            let done = AtomicUsize::new(0);
            OwnHelpers.run(9, &|part| {
                done.fetch_add(1 << part, Ordering::Relaxed);
            });
            done.into_inner()
        });
        assert_eq!(asked.join().unwrap(), (1 << 9) - 1);
    }

    #[test]
    fn parts_that_nobody_begins_are_done_here() {
        Helpers.run(2, &|_| ());
        if rayon::current_thread_index().is_none() {
            // There is but one processor.
            return;
        }
        let others = rayon::current_num_threads() - 1;
        let (begun, begins) = channel();
        let (release, released) = channel::<()>();
        let released = Arc::new(Mutex::new(released));
        for _ in 0..others {
            let (begun, released) = (begun.clone(), Arc::clone(&released));
            rayon::spawn(move || {
                begun.send(()).unwrap();
                let _ = released.lock().unwrap().recv();
            });
        }
        for _ in 0..others {
            begins.recv().unwrap();
        }
        let here = std::thread::current().id();
        // Whoever asks is not kept awake for itself.
        let _attended = Attended::begin();
        Helpers.run(9, &|_| assert_eq!(std::thread::current().id(), here));
        drop(release);
    }

    #[test]
    fn a_helper_that_stays_awake_takes_its_part_and_is_let_go() {
        for _ in 0..100 {
            let attended = Attended::begin();
            let done = AtomicUsize::new(0);
            Helpers.run(9, &|part| {
                done.fetch_add(1 << part, Ordering::Relaxed);
            });
            assert_eq!(done.into_inner(), (1 << 9) - 1);
            let over = Arc::downgrade(&attended.0);
            drop(attended);
            // Nobody holds on to it for long.
            while over.upgrade().is_some() {
                thread::yield_now();
            }
        }
    }

    #[test]
    fn threads_beyond_those_with_helpers_of_their_own_are_helped_too() {
        for _ in 0..2 * OWNERS_MAX {
            let done = std::thread::spawn(|| {
                let done = AtomicUsize::new(0);
                Helpers.run(9, &|part| {
                    done.fetch_add(1 << part, Ordering::Relaxed);
                });
                done.into_inner()
            });
            assert_eq!(done.join().unwrap(), (1 << 9) - 1);
        }
        assert!(OWNERS.load(Ordering::Relaxed) <= OWNERS_MAX);
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
