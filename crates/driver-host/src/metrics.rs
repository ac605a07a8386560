//! Counters of one driver: cheap enough for the hot path, exact when nothing runs.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::DriverCode;

/// Counters that one thread at a time writes (whoever holds the slot), so that no call pays for a
/// shared cache line.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds one; only by the holder of the slot.
    #[inline]
    pub(crate) fn bump_alone(&self) {
        self.0.store(self.get().wrapping_add(1), Ordering::Relaxed);
    }

    /// Adds one; by anybody.
    pub(crate) fn bump(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Events that are rare enough to be counted in one place.
#[derive(Debug, Default)]
pub(crate) struct Rare {
    /// Calls made while all slots were in use.
    pub(crate) calls_elsewhere: Counter,
    pub(crate) failures: Counter,
    pub(crate) refusals: Counter,
    pub(crate) traps: Counter,
    pub(crate) timeouts: Counter,
    pub(crate) created: Counter,
    pub(crate) discarded: Counter,
    pub(crate) recycled: Counter,
}

impl Rare {
    /// Counts a failed call by its kind.
    pub(crate) fn failed(&self, code: DriverCode) {
        self.failures.bump();
        match code {
            DriverCode::Operation | DriverCode::InvalidInput => self.refusals.bump(),
            DriverCode::Timeout => self.timeouts.bump(),
            DriverCode::Trap | DriverCode::Memory | DriverCode::Stack => self.traps.bump(),
            _ => {}
        }
    }
}

/// What a driver has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// Calls made, failed ones included.
    pub calls: u64,
    /// Calls that gave an error of any kind.
    pub failures: u64,
    /// Of these: the driver answered with an error of its own.
    pub refusals: u64,
    /// Of these: the driver trapped, ran out of stack, or was refused memory and gave up.
    pub traps: u64,
    /// Of these: the deadline passed.
    pub timeouts: u64,
    /// Instances started.
    pub instances_created: u64,
    /// Instances thrown away because a call left them in doubt.
    pub instances_discarded: u64,
    /// Instances replaced because their memory had grown far.
    pub instances_recycled: u64,
    /// Instances that wait for the next call, now.
    pub instances_idle: u64,
    /// Linear memory of the instances that wait, bytes.
    pub memory_bytes: u64,
    /// The output buffer that this driver's calls have needed, bytes.
    pub output_capacity_bytes: u64,
    /// Native code of this driver, bytes; shared by all handles of the same module.
    pub code_bytes: u64,
    /// 1 where the code was compiled well, 0 where it was compiled quickly (and may yet be again).
    pub optimised: u64,
}

impl Metrics {
    /// Name and value of each, for bindings.
    pub fn entries(&self) -> [(&'static str, u64); 13] {
        [
            ("calls", self.calls),
            ("failures", self.failures),
            ("refusals", self.refusals),
            ("traps", self.traps),
            ("timeouts", self.timeouts),
            ("instancesCreated", self.instances_created),
            ("instancesDiscarded", self.instances_discarded),
            ("instancesRecycled", self.instances_recycled),
            ("instancesIdle", self.instances_idle),
            ("memoryBytes", self.memory_bytes),
            ("outputCapacityBytes", self.output_capacity_bytes),
            ("codeBytes", self.code_bytes),
            ("optimised", self.optimised),
        ]
    }
}
