//! One thread that advances the engines' epochs while any call runs, and parks when none does.
//!
//! A call announces itself before it looks whether the ticker is parked; the ticker says that it
//! is parked, lets a tick pass, and only then looks for calls. A processor may let the call look
//! before its announcement is seen by others, but not for milliseconds: at least one of the two sees
//! the other, and no call ever runs without a ticking clock. The call, which is what is made millions
//! of times, pays for no more than two plain memory accesses.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering, compiler_fence};
use std::time::Duration;

use crate::engine;
use crate::error::{DriverCode, DriverError, Result};
use parking_lot::{Condvar, Mutex};

/// The step in which deadlines are enforced.
pub const DEADLINE_RESOLUTION: Duration = Duration::from_millis(5);

/// Ticks without any call after which the thread parks.
const IDLE_TICKS: u32 = 20;

/// Counters are spread so that threads do not share a cache line on every call. The first of them belong
/// to one thread each, which then counts without a locked instruction; later threads share the others.
const SHARDS: usize = 128;
const OWNED_SHARDS: usize = 64;

/// One counter of running calls, alone on its cache lines.
#[repr(align(128))]
struct Shard(AtomicI64);

static ACTIVE: [Shard; SHARDS] = [const { Shard(AtomicI64::new(0)) }; SHARDS];
static PARKED: AtomicBool = AtomicBool::new(false);
static LOCK: Mutex<()> = Mutex::new(());
static WAKE: Condvar = Condvar::new();
static NEXT_THREAD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD: usize = NEXT_THREAD.fetch_add(1, Ordering::Relaxed);
}

/// A small number that is this thread's own, for spreading work over shards.
#[inline]
pub(crate) fn thread_index() -> usize {
    THREAD.with(|index| *index)
}

/// Epoch ticks for a deadline: rounded up, plus the tick that may already be under way.
pub(crate) fn ticks(deadline: Duration) -> u64 {
    let whole = deadline.as_nanos().div_ceil(DEADLINE_RESOLUTION.as_nanos());
    u64::try_from(whole)
        .unwrap_or(u64::MAX >> 1)
        .saturating_add(1)
        .min(u64::MAX >> 1)
}

/// Starts the thread; to be called once.
pub(crate) fn start() -> Result<()> {
    std::thread::Builder::new()
        .name("driver-deadline".into())
        .stack_size(128 << 10)
        .spawn(run)
        .map(|_| ())
        .map_err(|error| {
            DriverError::new(
                DriverCode::Io,
                "start",
                format!("no deadline thread: {error}"),
            )
        })
}

/// Marks a call as running until dropped.
pub(crate) struct Running(usize);

impl Running {
    /// Announces a call and makes sure that the clock ticks. `thread` is the caller's own number.
    #[inline]
    pub(crate) fn begin(thread: usize) -> Self {
        let shard = if thread < OWNED_SHARDS {
            thread
        } else {
            OWNED_SHARDS + thread % (SHARDS - OWNED_SHARDS)
        };
        add(shard, 1);
        // Only the compiler is kept from turning these around; see above for the processor.
        compiler_fence(Ordering::SeqCst);
        if PARKED.load(Ordering::SeqCst) {
            wake();
        }
        Self(shard)
    }
}

impl Drop for Running {
    #[inline]
    fn drop(&mut self) {
        add(self.0, -1);
    }
}

#[inline]
fn add(shard: usize, calls: i64) {
    let count = &ACTIVE[shard].0;
    if shard < OWNED_SHARDS {
        // Nobody else writes it.
        let now = count.load(Ordering::Relaxed).wrapping_add(calls);
        count.store(now, Ordering::Release);
    } else {
        count.fetch_add(calls, Ordering::SeqCst);
    }
}

#[cold]
fn wake() {
    let _guard = LOCK.lock();
    PARKED.store(false, Ordering::SeqCst);
    WAKE.notify_one();
}

/// Whether the thread sleeps because nothing runs.
pub(crate) fn is_parked() -> bool {
    PARKED.load(Ordering::SeqCst)
}

fn any_active() -> bool {
    ACTIVE
        .iter()
        .any(|shard| shard.0.load(Ordering::SeqCst) != 0)
}

fn run() {
    let mut idle = 0u32;
    loop {
        std::thread::sleep(DEADLINE_RESOLUTION);
        engine::tick();
        if any_active() {
            idle = 0;
            continue;
        }
        idle = idle.saturating_add(1);
        if idle >= IDLE_TICKS {
            park();
            idle = 0;
        }
    }
}

fn park() {
    PARKED.store(true, Ordering::SeqCst);
    // A call that looked just before is seen after this.
    std::thread::sleep(DEADLINE_RESOLUTION);
    let mut guard = LOCK.lock();
    if any_active() {
        PARKED.store(false, Ordering::SeqCst);
        return;
    }
    while PARKED.load(Ordering::SeqCst) {
        WAKE.wait(&mut guard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_never_early_and_never_overflows() {
        assert_eq!(ticks(Duration::from_nanos(1)), 2);
        assert_eq!(ticks(DEADLINE_RESOLUTION), 2);
        assert_eq!(ticks(Duration::from_secs(1)), 201);
        // The epoch is added to this without a check inside the engine.
        assert!(ticks(Duration::MAX).checked_add(1 << 40).is_some());
    }
}
