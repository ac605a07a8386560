//! A loaded driver: the calls, and what happens around each of them.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::abi::{ByteOrder, Operation};
use crate::cache;
use crate::compiled::Compiled;
use crate::error::{DriverCode, DriverError, Result};
use crate::instance::{Call, Failure, Instance, Text};
use crate::metrics::{Metrics, Rare};
use crate::options::{Isolation, Limits, Options};
use crate::slots::Slots;
use crate::ticker::{self, Running};

/// The output buffer that a driver's first call gets, bytes.
const OUTPUT_CAPACITY_MIN: u32 = 64 << 10;

/// A data driver, ready to convert. Clones are handles of the same driver; any thread may call.
///
/// ```no_run
/// use libmetachain_driver_host::{Driver, Options};
///
/// let wasm = std::fs::read("stake.wasm").expect("a driver");
/// let driver = Driver::load(&wasm, &Options::default())?;
/// let json = driver.decode_event("stake", &[0; 16])?;
/// # Ok::<(), libmetachain_driver_host::DriverError>(())
/// ```
#[derive(Clone)]
pub struct Driver(Arc<Inner>);

struct Inner {
    compiled: Arc<Compiled>,
    order: ByteOrder,
    limits: Limits,
    slots: Slots,
    /// The output buffer that calls have needed so far.
    output_capacity: AtomicU32,
    closed: AtomicBool,
    rare: Rare,
}

/// All drivers of the process, so that one may use the pool slots that others hold idle.
static LOADED: Mutex<Vec<Weak<Inner>>> = Mutex::new(Vec::new());

impl Driver {
    /// Checks, compiles (once per process, or less with a cache directory) and initialises a
    /// driver.
    ///
    /// # Errors
    /// `DRIVER_HASH_MISMATCH`; `DRIVER_REJECTED` with every fault of the module; `BAD_ARGUMENT`
    /// for options out of range; what `init` or `get_version` failed with.
    pub fn load(wasm: &[u8], options: &Options) -> Result<Self> {
        let limits = Limits::new(options)?;
        let compiled = cache::load(wasm, options)?;
        let hash = compiled.hash;
        if compiled.memory_bytes_min > options.memory_bytes_max {
            let message = format!(
                "starts with {} bytes of memory, at most {} are allowed",
                compiled.memory_bytes_min, options.memory_bytes_max
            );
            return Err(DriverError::new(DriverCode::Memory, "check", message).of(hash));
        }
        Self::start(compiled, limits).map_err(|failure| failure.error.of(hash))
    }

    /// Starts the first instance: whoever cannot start is refused here, not at the first call.
    fn start(compiled: Arc<Compiled>, limits: Limits) -> Result<Self, Failure> {
        let output_capacity = OUTPUT_CAPACITY_MIN;
        let thread = ticker::thread_index();
        let _running = Running::begin(thread);
        let mut first = instantiate(&compiled, &limits)?;
        let order = match compiled.order.get() {
            Some(order) => *order,
            None => {
                let order = detect(&compiled, &limits, &mut first, output_capacity)?;
                *compiled.order.get_or_init(|| order)
            }
        };
        let inner = Arc::new(Inner {
            compiled,
            order,
            limits,
            slots: Slots::new(),
            output_capacity: AtomicU32::new(output_capacity),
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
        Ok(Self(inner))
    }

    /// SHA-256 of the module.
    pub fn hash(&self) -> [u8; 32] {
        self.0.compiled.hash
    }

    /// How this driver writes the lengths of its outputs.
    pub fn byte_order(&self) -> ByteOrder {
        self.0.order
    }

    /// JSON arguments of a function (a tuple is an array) to the bytes that the contract takes.
    ///
    /// # Errors
    /// All `DRIVER_*` codes of a call; `DRIVER_OPERATION` carries the driver's own text.
    pub fn encode_input_fn(&self, function: &str, json: &str) -> Result<Vec<u8>> {
        self.call(
            Operation::EncodeInputFn,
            function,
            json.as_bytes(),
            <[u8]>::to_vec,
        )
    }

    /// Arguments of a function, as the contract takes them, to JSON.
    ///
    /// # Errors
    /// As [`Driver::encode_input_fn`].
    pub fn decode_input_fn(&self, function: &str, rkyv: &[u8]) -> Result<String> {
        self.decode(Operation::DecodeInputFn, function, rkyv, str::to_owned)
    }

    /// Result of a function, as the contract returns it, to JSON.
    ///
    /// # Errors
    /// As [`Driver::encode_input_fn`].
    pub fn decode_output_fn(&self, function: &str, rkyv: &[u8]) -> Result<String> {
        self.decode(Operation::DecodeOutputFn, function, rkyv, str::to_owned)
    }

    /// Body of an event, as the contract emits it, to JSON.
    ///
    /// # Errors
    /// As [`Driver::encode_input_fn`].
    pub fn decode_event(&self, event: &str, rkyv: &[u8]) -> Result<String> {
        self.decode(Operation::DecodeEvent, event, rkyv, str::to_owned)
    }

    /// A decoding whose JSON text is handed to `read` where it lies, in the driver's memory: the
    /// caller makes the only copy. `operation` must answer with text.
    ///
    /// # Errors
    /// As [`Driver::encode_input_fn`]; `BAD_ARGUMENT` for an operation that does not answer text.
    #[inline]
    pub fn decode<R>(
        &self,
        operation: Operation,
        name: &str,
        input: &[u8],
        read: impl FnOnce(&str) -> R,
    ) -> Result<R> {
        if !operation.answers_text() {
            let message = "this operation answers with bytes, not with text";
            return Err(DriverError::new(
                DriverCode::BadArgument,
                operation.as_str(),
                message,
            ));
        }
        let read = |bytes: &[u8]| std::str::from_utf8(bytes).map(read);
        self.call(operation, name, input, read)?
            .map_err(|error| self.not_text(operation.as_str(), error))
    }

    /// Any conversion, with the driver's raw output handed to `read` where it lies.
    ///
    /// # Errors
    /// As [`Driver::encode_input_fn`].
    #[inline]
    pub fn call<R>(
        &self,
        operation: Operation,
        name: &str,
        input: &[u8],
        read: impl FnOnce(&[u8]) -> R,
    ) -> Result<R> {
        self.0.with_instance(operation.as_str(), |instance, call| {
            instance.convert(call, operation, name.as_bytes(), input, read)
        })
    }

    /// The driver's schema; `None` where it has none (empty, or `get_schema` traps, as in older
    /// drivers).
    ///
    /// # Errors
    /// As [`Driver::encode_input_fn`], but for a trap.
    pub fn get_schema(&self) -> Result<Option<String>> {
        match self.text(Text::Schema) {
            Ok(text) if text.is_empty() => Ok(None),
            Ok(text) => Ok(Some(text)),
            Err(error) if error.code == DriverCode::Trap => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The version that the driver says it has.
    ///
    /// # Errors
    /// As [`Driver::encode_input_fn`].
    pub fn get_version(&self) -> Result<String> {
        self.text(Text::Version)
    }

    fn text(&self, which: Text) -> Result<String> {
        let read = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned);
        self.0
            .with_instance(which.as_str(), |instance, call| {
                instance.text(call, which, read)
            })?
            .map_err(|error| self.not_text(which.as_str(), error))
    }

    #[cold]
    fn not_text(&self, phase: &'static str, error: std::str::Utf8Error) -> DriverError {
        self.0.rare.failed(DriverCode::Abi);
        DriverError::new(
            DriverCode::Abi,
            phase,
            format!("answers text that is no UTF-8: {error}"),
        )
        .of(self.hash())
    }

    /// Counters of this driver.
    pub fn metrics(&self) -> Metrics {
        let inner = &*self.0;
        let (instances_idle, memory_bytes) = inner.slots.idle();
        Metrics {
            calls: inner.slots.calls(),
            failures: inner.rare.failures.get(),
            refusals: inner.rare.refusals.get(),
            traps: inner.rare.traps.get(),
            timeouts: inner.rare.timeouts.get(),
            instances_created: inner.rare.created.get(),
            instances_discarded: inner.rare.discarded.get(),
            instances_recycled: inner.rare.recycled.get(),
            instances_idle,
            memory_bytes,
            output_capacity_bytes: u64::from(inner.output_capacity.load(Ordering::Relaxed)),
            code_bytes: inner.compiled.image_bytes as u64,
        }
    }

    /// Gives up the driver: calls that run finish, later ones get `DRIVER_CLOSED`. Idempotent.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
        self.0.slots.drop_idle();
    }

    /// Whether [`Driver::close`] was called on any handle.
    pub fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver")
            .field("order", &self.0.order)
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// Runs `work` on an instance of this thread's own, under a deadline of its own.
    #[inline]
    fn with_instance<R>(
        &self,
        phase: &'static str,
        work: impl FnOnce(&mut Instance, &Call<'_>) -> Result<R, Failure>,
    ) -> Result<R> {
        if self.closed.load(Ordering::Relaxed) {
            let message = "the driver was closed";
            return Err(DriverError::new(DriverCode::Closed, phase, message).of(self.compiled.hash));
        }
        let thread = ticker::thread_index();
        let _running = Running::begin(thread);
        let mut held = self.slots.hold(thread);
        let kept = held.as_mut().and_then(|held| held.take());
        let mut instance = match kept {
            Some(instance) => instance,
            None => self.instantiate()?,
        };
        let call = Call {
            limits: &self.limits,
            order: self.order,
            output_capacity: self.output_capacity.load(Ordering::Relaxed),
        };
        instance.begin(&self.limits);
        let outcome = work(&mut instance, &call);
        let needed = instance.output_capacity();
        if needed > call.output_capacity {
            self.output_capacity.fetch_max(needed, Ordering::Relaxed);
        }
        match outcome {
            Ok(value) => {
                self.keep(held, instance);
                Ok(value)
            }
            Err(failure) => {
                if failure.poisoned {
                    self.rare.discarded.bump();
                } else {
                    self.keep(held, instance);
                }
                Err(self.failed(failure))
            }
        }
    }

    /// Leaves the instance for the next call, unless it must not or should not serve one.
    #[inline]
    fn keep(&self, held: Option<crate::slots::Held<'_>>, instance: Box<Instance>) {
        if self.limits.isolation == Isolation::Fresh {
            return;
        }
        if instance.memory_bytes() > self.limits.recycle_bytes {
            self.rare.recycled.bump();
            return;
        }
        if let Some(mut held) = held {
            held.put(instance);
            drop(held);
            // A close that looked while this slot was held could not empty it.
            if self.closed.load(Ordering::SeqCst) {
                self.slots.drop_idle();
            }
        }
    }

    #[cold]
    fn instantiate(&self) -> Result<Box<Instance>> {
        self.rare.created.bump();
        instantiate(&self.compiled, &self.limits).map_err(|failure| self.failed(failure))
    }

    #[cold]
    fn failed(&self, failure: Failure) -> DriverError {
        self.rare.failed(failure.error.code);
        failure.error.of(self.compiled.hash)
    }
}

/// Starts an instance; where the pool is exhausted, idle instances of any driver make room.
fn instantiate(compiled: &Compiled, limits: &Limits) -> Result<Box<Instance>, Failure> {
    match Instance::new(compiled, limits) {
        Err(failure) if failure.error.code == DriverCode::Io && free_idle_instances() > 0 => {
            Instance::new(compiled, limits).map(Box::new)
        }
        outcome => outcome.map(Box::new),
    }
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
    output_capacity: u32,
) -> Result<ByteOrder, Failure> {
    if let Some(order) = first.detect_order(limits, Text::Version, output_capacity)? {
        return Ok(order);
    }
    // Older drivers' get_schema traps: that must cost a scratch instance, not the first one.
    let mut scratch = instantiate(compiled, limits)?;
    let order = scratch.detect_order(limits, Text::Schema, output_capacity);
    Ok(order.ok().flatten().unwrap_or(ByteOrder::Little))
}
