//! Says no to a driver that wants more memory or table than its limit, and remembers that it did.

use wasmtime::ResourceLimiter;

use crate::engine::TABLE_ELEMENTS_MAX;

/// What every store carries: the limits of its instance.
pub(crate) struct Limiter {
    memory_bytes_max: usize,
    /// Set when growth was refused, so that the trap which usually follows is reported as what it
    /// is: too little memory.
    pub(crate) denied: bool,
}

impl Limiter {
    pub(crate) fn new(memory_bytes_max: usize) -> Self {
        Self {
            memory_bytes_max,
            denied: false,
        }
    }

    fn judge(&mut self, allowed: bool) -> wasmtime::Result<bool> {
        self.denied |= !allowed;
        Ok(allowed)
    }
}

#[cfg(test)]
thread_local! {
    /// How long it takes a driver to get its memory, and more of it, in ticks of the deadlines' clock:
    /// what a test uses up a deadline with, for it is the one moment of a run at which we are asked.
    /// The clock is the whole process's: no other unit test may run drivers under short deadlines.
    pub(crate) static TICKS_PER_GROWTH: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        #[cfg(test)]
        (0..TICKS_PER_GROWTH.get()).for_each(|_| crate::engine::tick());
        self.judge(desired <= self.memory_bytes_max)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.judge(desired <= TABLE_ELEMENTS_MAX)
    }

    fn instances(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        1
    }

    fn memories(&self) -> usize {
        1
    }
}
