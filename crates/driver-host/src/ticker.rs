//! One thread that advances the engines' epochs while any call runs, and parks when none does.
//!
//! A call announces itself before it looks whether the ticker is parked; the ticker says that it
//! is parked before it looks for calls. Both sides are sequentially consistent, so at least one of
//! them sees the other: no call ever runs without a ticking clock.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::engine;
use crate::error::{DriverCode, DriverError, Result};
use parking_lot::{Condvar, Mutex};

/// The step in which deadlines are enforced.
pub const DEADLINE_RESOLUTION: Duration = Duration::from_millis(5);

/// Ticks without any call after which the thread parks.
const IDLE_TICKS: u32 = 20;

/// Counters are spread so that threads do not share a cache line on every call.
const SHARDS: usize = 64;

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
    /// Announces a call and makes sure that the clock ticks.
    #[inline]
    pub(crate) fn begin(thread: usize) -> Self {
        let shard = thread % SHARDS;
        ACTIVE[shard].0.fetch_add(1, Ordering::SeqCst);
        if PARKED.load(Ordering::SeqCst) {
            wake();
        }
        Self(shard)
    }
}

impl Drop for Running {
    #[inline]
    fn drop(&mut self) {
        ACTIVE[self.0].0.fetch_sub(1, Ordering::Release);
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
    let mut guard = LOCK.lock();
    PARKED.store(true, Ordering::SeqCst);
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
