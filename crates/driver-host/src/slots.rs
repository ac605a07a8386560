//! The idle instances of a driver, one place per thread that calls, none of them contended.
//!
//! A call holds its slot's lock for as long as it runs, so a thread that calls again finds its own
//! warm instance with one uncontended lock. More threads than slots get instances of their own.

use std::sync::LazyLock;

use parking_lot::{Mutex, MutexGuard};

use crate::instance::Instance;
use crate::metrics::Counter;

/// At most this many instances of one driver wait for calls.
const SLOTS_MAX: usize = 32;

/// One place; alone on its cache lines.
#[repr(align(128))]
#[derive(Default)]
pub(crate) struct Slot {
    instance: Mutex<Option<Box<Instance>>>,
    calls: Counter,
}

/// The places of one driver.
pub(crate) struct Slots(Box<[Slot]>);

/// A place held by a running call.
pub(crate) struct Held<'a> {
    slot: &'a Slot,
    instance: MutexGuard<'a, Option<Box<Instance>>>,
}

impl Slots {
    pub(crate) fn new() -> Self {
        // Asking reads a dozen files, which takes longer than starting a driver.
        static CORES: LazyLock<usize> =
            LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from));
        let count = CORES.saturating_mul(2).next_power_of_two().min(SLOTS_MAX);
        Self((0..count).map(|_| Slot::default()).collect())
    }

    /// The place for `thread`; `None` where all are in use.
    #[inline]
    pub(crate) fn hold(&self, thread: usize) -> Option<Held<'_>> {
        let own = thread & (self.0.len() - 1);
        let slot = &self.0[own];
        if let Some(instance) = slot.instance.try_lock()
            && instance.is_some()
        {
            return Some(Held { slot, instance });
        }
        self.search(own)
    }

    /// A free place, with an instance if any free place has one.
    #[cold]
    fn search(&self, own: usize) -> Option<Held<'_>> {
        let mut empty = None;
        for step in 0..self.0.len() {
            let slot = &self.0[own.wrapping_add(step) & (self.0.len() - 1)];
            let Some(mut instance) = slot.instance.try_lock() else {
                continue;
            };
            match (empty.take(), instance.is_some()) {
                (None, true) => return Some(Held { slot, instance }),
                (None, false) => empty = Some(Held { slot, instance }),
                // The caller's own place is nearer: the instance moves there.
                (Some(mut held), true) => {
                    *held.instance = instance.take();
                    return Some(held);
                }
                (Some(held), false) => empty = Some(held),
            }
        }
        empty
    }

    /// Drops every idle instance; those of running calls stay.
    pub(crate) fn drop_idle(&self) -> usize {
        let idle = |slot: &Slot| slot.instance.try_lock().and_then(|mut found| found.take());
        self.0.iter().filter_map(idle).count()
    }

    /// How many calls were made, over all places.
    pub(crate) fn calls(&self) -> u64 {
        self.0
            .iter()
            .map(|slot| slot.calls.get())
            .fold(0, u64::wrapping_add)
    }

    /// Number and linear memory of the instances that wait.
    pub(crate) fn idle(&self) -> (u64, u64) {
        let mut found = (0u64, 0u64);
        for slot in &self.0 {
            if let Some(instance) = slot.instance.try_lock()
                && let Some(instance) = instance.as_ref()
            {
                found.0 += 1;
                found.1 = found.1.saturating_add(instance.memory_bytes() as u64);
            }
        }
        found
    }
}

impl Held<'_> {
    /// Takes the instance out: should the call panic, it is gone and not half-used.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Box<Instance>> {
        self.instance.take()
    }

    /// Counts a call made by the holder.
    #[inline]
    pub(crate) fn count_call(&self) {
        self.slot.calls.bump_alone();
    }

    /// Leaves an instance for the next call.
    #[inline]
    pub(crate) fn put(&mut self, instance: Box<Instance>) {
        *self.instance = Some(instance);
    }
}
