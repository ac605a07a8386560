//! What all handles of one driver share, and the session in which a thread makes its calls.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::abi::{ByteOrder, Operation};
use crate::compiled::Compiled;
use crate::error::{DriverCode, DriverError, Result};
use crate::guest::{Call, Failure};
use crate::instance::{Instance, Text, Unborn};
use crate::metrics::{Metrics, Rare};
use crate::optimiser;
use crate::options::{Isolation, Limits, Optimization};
use crate::slots::{Held, Slots};
use crate::ticker::{self, Running};

/// The output buffer that a driver's first call gets, bytes.
const OUTPUT_CAPACITY_MIN: u32 = 64 << 10;

/// The shared part of a driver.
pub(crate) struct Inner {
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) order: ByteOrder,
    limits: Limits,
    slots: Slots,
    /// The output buffer that calls have needed so far, bytes.
    output_capacity: AtomicU32,
    closed: AtomicBool,
    rare: Rare,
}

/// All drivers of the process, so that one may use the pool slots that others hold idle.
static LOADED: Mutex<Vec<Weak<Inner>>> = Mutex::new(Vec::new());

impl Inner {
    /// Starts the first instance: a driver that cannot start is refused here, not at its first
    /// call.
    pub(crate) fn start(compiled: Arc<Compiled>, limits: Limits) -> Result<Arc<Self>, Failure> {
        let thread = ticker::thread_index();
        let _running = Running::begin(thread);
        let mut first = instantiate(&compiled, &limits)?;
        let order = match compiled.order.get() {
            Some(order) => *order,
            None => {
                let order = detect(&compiled, &limits, &mut first)?;
                *compiled.order.get_or_init(|| order)
            }
        };
        compiled.enter();
        let inner = Arc::new(Self {
            compiled,
            order,
            limits,
            slots: Slots::new(),
            output_capacity: AtomicU32::new(OUTPUT_CAPACITY_MIN),
            closed: AtomicBool::new(false),
            rare: Rare::default(),
        });
        inner.rare.created.bump();
        if inner.limits.isolation == Isolation::Reuse
            && let Some(mut held) = inner.slots.hold(thread)
        {
            held.put(first);
        }
        let mut loaded = LOADED.lock();
        if loaded.len() == loaded.capacity() {
            loaded.retain(|driver| driver.strong_count() > 0);
        }
        loaded.push(Arc::downgrade(&inner));
        Ok(inner)
    }

    pub(crate) fn close(&self) {
        if !self.closed.swap(true, Ordering::SeqCst) {
            self.compiled.leave();
        }
        self.slots.drop_idle();
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let (instances_idle, memory_bytes) = self.slots.idle();
        Metrics {
            calls: self
                .slots
                .calls()
                .wrapping_add(self.rare.calls_elsewhere.get()),
            failures: self.rare.failures.get(),
            refusals: self.rare.refusals.get(),
            traps: self.rare.traps.get(),
            timeouts: self.rare.timeouts.get(),
            instances_created: self.rare.created.get(),
            instances_discarded: self.rare.discarded.get(),
            instances_recycled: self.rare.recycled.get(),
            instances_idle,
            memory_bytes,
            output_capacity_bytes: u64::from(self.output_capacity.load(Ordering::Relaxed)),
            code_bytes: self.compiled.code().image_bytes as u64,
            optimised: u64::from(self.compiled.is_optimised()),
        }
    }

    #[cold]
    fn instantiate(&self) -> Result<Box<Instance>> {
        self.rare.created.bump();
        let mut instance = instantiate(&self.compiled, &self.limits)
            .map_err(|failure| self.failed(failure.error))?;
        // Only that: the deadline is the call's, and runs since the instance was begun.
        instance.forget();
        Ok(instance)
    }

    /// Counts time spent in quickly compiled code, until something better pays.
    #[cold]
    fn spent(&self, time: Duration) {
        if self.limits.optimization == Optimization::Tiered && self.compiled.spent(time) {
            optimiser::request(&self.compiled);
        }
    }

    #[cold]
    fn failed(&self, error: DriverError) -> DriverError {
        self.rare.failed(error.code);
        error.of(self.compiled.facts.hash)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// One thread's calls to a driver: the instance stays in its hands from one call to the next.
///
/// During a call the instance is out of the session. Should anything panic, it is gone, not
/// half-used.
pub(crate) struct Session<'a> {
    inner: &'a Inner,
    held: Option<Held<'a>>,
    instance: Option<Box<Instance>>,
    _running: Running,
}

impl<'a> Session<'a> {
    #[inline]
    pub(crate) fn open(inner: &'a Inner) -> Self {
        let thread = ticker::thread_index();
        let running = Running::begin(thread);
        let mut held = inner.slots.hold(thread);
        let instance = held.as_mut().and_then(Held::take);
        Self {
            inner,
            held,
            instance,
            _running: running,
        }
    }

    /// A conversion whose text is handed to `read` where it lies.
    #[inline]
    pub(crate) fn decode<R>(
        &mut self,
        operation: Operation,
        name: &str,
        input: &[u8],
        read: impl FnOnce(&str) -> R,
    ) -> Result<R> {
        let read = |bytes: &[u8]| std::str::from_utf8(bytes).map(read);
        let read = self.call(operation, name, input, read)?;
        read.map_err(|error| self.not_text(operation.as_str(), error))
    }

    /// A conversion whose output is handed to `read` where it lies.
    #[inline]
    pub(crate) fn call<R>(
        &mut self,
        operation: Operation,
        name: &str,
        input: &[u8],
        read: impl FnOnce(&[u8]) -> R,
    ) -> Result<R> {
        self.run(operation.as_str(), |instance, call| {
            instance.convert(call, operation, name.as_bytes(), input, read)
        })
    }

    /// What the driver says about itself.
    #[inline]
    pub(crate) fn text<R>(&mut self, which: Text, read: impl FnOnce(&str) -> R) -> Result<R> {
        let read = |bytes: &[u8]| std::str::from_utf8(bytes).map(read);
        let read = self.run(which.as_str(), |instance, call| {
            instance.text(call, which, read)
        })?;
        read.map_err(|error| self.not_text(which.as_str(), error))
    }

    /// Runs one call, under a deadline of its own.
    #[inline]
    fn run<R>(
        &mut self,
        phase: &'static str,
        work: impl FnOnce(&mut Instance, &Call<'_>) -> Result<R, Failure>,
    ) -> Result<R> {
        let inner = self.inner;
        if inner.is_closed() {
            let message = "the driver was closed";
            let error = DriverError::new(DriverCode::Closed, phase, message);
            return Err(error.of(inner.compiled.facts.hash));
        }
        match &self.held {
            Some(held) => held.count_call(),
            None => inner.rare.calls_elsewhere.bump(),
        }
        let mut instance = match self.instance.take() {
            Some(mut instance) if inner.compiled.is_current(instance.tier()) => {
                instance.begin(&inner.limits);
                instance
            }
            // None yet, or of code that has been replaced by better code.
            _ => inner.instantiate()?,
        };
        let started = inner.compiled.is_measuring().then(Instant::now);
        let call = Call {
            limits: &inner.limits,
            order: inner.order,
            output_capacity: inner.output_capacity.load(Ordering::Relaxed),
        };
        let outcome = work(&mut instance, &call);
        if let Some(started) = started {
            inner.spent(started.elapsed());
        }
        let needed = instance.output_capacity();
        if needed > call.output_capacity {
            inner.output_capacity.fetch_max(needed, Ordering::Relaxed);
        }
        match outcome {
            Ok(value) => {
                self.keep(instance);
                Ok(value)
            }
            Err(failure) => {
                if failure.poisoned {
                    inner.rare.discarded.bump();
                } else {
                    self.keep(instance);
                }
                Err(inner.failed(failure.error))
            }
        }
    }

    /// Keeps the instance for the next call, unless it must not or should not serve one.
    #[inline]
    fn keep(&mut self, instance: Box<Instance>) {
        let limits = &self.inner.limits;
        if limits.isolation == Isolation::Fresh {
            return;
        }
        if instance.memory_bytes() > limits.recycle_bytes {
            self.inner.rare.recycled.bump();
            return;
        }
        self.instance = Some(instance);
    }

    /// Text that is none breaks the convention: its instance goes, as with any other breach.
    #[cold]
    fn not_text(&mut self, phase: &'static str, error: std::str::Utf8Error) -> DriverError {
        if self.instance.take().is_some() {
            self.inner.rare.discarded.bump();
        }
        let message = format!("answers text that is no UTF-8: {error}");
        self.inner
            .failed(DriverError::new(DriverCode::Abi, phase, message))
    }
}

impl Drop for Session<'_> {
    #[inline]
    fn drop(&mut self) {
        let Some(mut held) = self.held.take() else {
            return;
        };
        if let Some(instance) = self.instance.take() {
            held.put(instance);
        }
        drop(held);
        // A close that looked while this slot was held could not empty it.
        if self.inner.closed.load(Ordering::SeqCst) {
            self.inner.slots.drop_idle();
        }
    }
}

/// Starts an instance; where there is no room for it, idle instances of any driver make some.
fn instantiate(compiled: &Compiled, limits: &Limits) -> Result<Box<Instance>, Failure> {
    let started = match Instance::new(&compiled.code(), limits) {
        Err(Unborn::NoRoom(_)) if free_idle_instances() > 0 => {
            Instance::new(&compiled.code(), limits)
        }
        outcome => outcome,
    };
    started.map(Box::new).map_err(Unborn::failure)
}

/// Drops every instance of the process that waits for a call.
#[cold]
fn free_idle_instances() -> usize {
    let drivers: Vec<_> = LOADED.lock().iter().filter_map(Weak::upgrade).collect();
    drivers.iter().map(|driver| driver.slots.drop_idle()).sum()
}

/// Finds out how the driver writes lengths. One that never shows is taken for what all published
/// drivers are.
fn detect(
    compiled: &Compiled,
    limits: &Limits,
    first: &mut Instance,
) -> Result<ByteOrder, Failure> {
    if let Some(order) = first.detect_order(limits, Text::Version, OUTPUT_CAPACITY_MIN)? {
        return Ok(order);
    }
    // Older drivers' get_schema traps: that must cost a scratch instance, not the first one.
    let mut scratch = instantiate(compiled, limits)?;
    let order = scratch.detect_order(limits, Text::Schema, OUTPUT_CAPACITY_MIN);
    Ok(order.ok().flatten().unwrap_or(ByteOrder::Little))
}

#[cfg(test)]
mod tests {
    use crate::driver::Driver;
    use crate::error::DriverCode;
    use crate::limiter::TICKS_PER_GROWTH;
    use crate::options::{Isolation, Optimization, Options};
    use crate::ticker::DEADLINE_RESOLUTION;

    /// Gets memory when it starts, in `init`, and for events that begin with `g`.
    const GROWS: &str = r#"(module
      (memory (export "memory") 4)
      (global $heap (mut i32) (i32.const 1024))
      (func (export "init") (drop (memory.grow (i32.const 1))))
      (func (export "alloc") (param i32) (result i32)
        (global.get $heap) (global.set $heap (i32.add (global.get $heap) (local.get 0))))
      (func (export "dealloc") (param i32 i32))
      (func $empty (param $out i32) (result i32)
        (i32.store (local.get $out) (i32.const 0)) (i32.const 0))
      (func (export "get_last_error") (param i32 i32) (result i32) (call $empty (local.get 0)))
      (func (export "get_schema") (param i32 i32) (result i32) (call $empty (local.get 0)))
      (func (export "get_version") (param i32 i32) (result i32)
        (i32.store (local.get 0) (i32.const 1)) (i32.const 0))
      (func $convert (param $name i32) (param i32 i32 i32) (param $out i32) (param i32) (result i32)
        (if (i32.eq (i32.load8_u (local.get $name)) (i32.const 103))
          (then (drop (memory.grow (i32.const 1)))))
        (call $empty (local.get $out)))
      (export "encode_input_fn" (func $convert)) (export "decode_input_fn" (func $convert))
      (export "decode_output_fn" (func $convert)) (export "decode_event" (func $convert)))"#;

    /// A call that had to start an instance was granted a deadline for that, and then another for the
    /// conversion. The clock of this test goes by what the driver does, and by next to nothing else: the
    /// deadline is minutes long.
    #[test]
    fn starting_an_instance_and_the_call_share_one_deadline() {
        const TICKS: u32 = 100_000;
        TICKS_PER_GROWTH.set(u64::from(TICKS) * 2 / 5);
        let wasm = wat::parse_str(GROWS).expect("a module");
        let load = |isolation| {
            let options = Options {
                deadline: DEADLINE_RESOLUTION * TICKS,
                isolation,
                optimization: Optimization::Quick,
                ..Options::default()
            };
            Driver::load(&wasm, &options).expect("starting fits the deadline")
        };
        let fresh = load(Isolation::Fresh);
        assert_eq!(fresh.decode_event("easy", b"").as_deref(), Ok(""));
        let error = fresh.decode_event("grows", b"").expect_err("both do not");
        assert_eq!(
            (error.code, error.phase),
            (DriverCode::Timeout, "decode_event")
        );
        // Alone the conversion fits too; and each call of an instance that is kept has a deadline.
        let reused = load(Isolation::Reuse);
        for _ in 0..5 {
            assert_eq!(reused.decode_event("grows", b"").as_deref(), Ok(""));
        }
        assert_eq!(reused.metrics().instances_created, 1);
    }
}
