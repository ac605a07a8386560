//! One living instance of a driver: its exports and the buffers that we own in its memory.
//!
//! Invariants:
//! - Nothing a driver answers is believed: every pointer and length is checked against the memory
//!   before it is used, and no host address is ever derived from one.
//! - Buffers are allocated by the driver's own `alloc`, kept between calls (so that a call is one
//!   crossing) and checked once: memory never shrinks, and an offset stays valid when it grows.
//! - Every buffer is over-allocated and aligned to 16, because archived data wants it and `alloc`
//!   promises nothing.

use wasmtime::{Memory, Store, Trap, TypedFunc};

use crate::abi::{ByteOrder, Operation, PREFIX_BYTES, answer};
use crate::compiled::Compiled;
use crate::error::{DriverCode, DriverError};
use crate::limiter::Limiter;
use crate::options::Limits;

/// What archived data wants its buffer aligned to.
const ALIGNMENT: u32 = 16;
/// The least capacity of a buffer: names and small inputs never reallocate.
const CAPACITY_MIN: u32 = 256;
/// The least capacity of the buffer that takes an error's text.
const ERROR_CAPACITY_MIN: u32 = 64 << 10;
/// How much an error's text may be longer than what it quotes (escapes), as a factor.
const ERROR_QUOTE_FACTOR: usize = 6;
/// The factor by which the output buffer grows when it was too small.
const OUTPUT_GROWTH: u32 = 4;

/// The type of the functions that convert.
type Convert = TypedFunc<(u32, u32, u32, u32, u32, u32), i32>;
/// The type of the functions that only write an output.
type Fetch = TypedFunc<(u32, u32), i32>;

/// A failed call, and whether the instance can be trusted with another.
pub(crate) struct Failure {
    pub(crate) error: DriverError,
    /// The instance trapped, was interrupted or broke the convention: it must be thrown away.
    pub(crate) poisoned: bool,
}

type Outcome<T> = Result<T, Failure>;

/// A buffer of ours in the driver's memory.
#[derive(Debug, Clone, Copy, Default)]
struct Region {
    /// What `alloc` returned and `dealloc` gets back.
    pointer: u32,
    size: u32,
    /// The aligned part that is used.
    start: u32,
    capacity: u32,
}

impl Region {
    fn overlaps(&self, other: &Self) -> bool {
        let end = |region: &Self| u64::from(region.pointer) + u64::from(region.size);
        self.size > 0
            && other.size > 0
            && u64::from(self.pointer) < end(other)
            && u64::from(other.pointer) < end(self)
    }
}

/// The buffers of an instance.
#[derive(Debug, Clone, Copy)]
enum Role {
    Name,
    Input,
    Output,
    Error,
}

/// The texts that a driver has about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    Version,
    Schema,
}

impl Text {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Version => "get_version",
            Self::Schema => "get_schema",
        }
    }
}

/// A driver that lives: instantiated, initialised, with its buffers.
pub(crate) struct Instance {
    store: Store<Limiter>,
    memory: Memory,
    alloc: TypedFunc<u32, u32>,
    dealloc: TypedFunc<(u32, u32), ()>,
    get_last_error: Fetch,
    convert: [Convert; Operation::ALL.len()],
    texts: [Fetch; 2],
    regions: [Region; 4],
}

impl Instance {
    /// Instantiates and calls `init`, under the deadline of one call.
    pub(crate) fn new(compiled: &Compiled, limits: &Limits) -> Outcome<Self> {
        let mut store = Store::new(&compiled.host.engine, Limiter::new(limits.memory_bytes_max));
        store.limiter(|limiter| limiter);
        store.set_epoch_deadline(limits.deadline_ticks);
        let instance = compiled.pre.instantiate(&mut store).map_err(|error| {
            let code = if store.data().denied {
                DriverCode::Memory
            } else {
                DriverCode::Io
            };
            poisoned(code, "instantiate", format!("{error:#}"))
        })?;
        let mut exports = Exports {
            store: &mut store,
            instance,
        };
        let init: TypedFunc<(), ()> = exports.typed("init")?;
        let mut made = Self {
            memory: exports.memory()?,
            alloc: exports.typed("alloc")?,
            dealloc: exports.typed("dealloc")?,
            get_last_error: exports.typed("get_last_error")?,
            convert: [
                exports.typed(Operation::EncodeInputFn.as_str())?,
                exports.typed(Operation::DecodeInputFn.as_str())?,
                exports.typed(Operation::DecodeOutputFn.as_str())?,
                exports.typed(Operation::DecodeEvent.as_str())?,
            ],
            texts: [
                exports.typed(Text::Version.as_str())?,
                exports.typed(Text::Schema.as_str())?,
            ],
            regions: [Region::default(); 4],
            store,
        };
        if let Err(error) = init.call(&mut made.store, ()) {
            return Err(made.trapped("init", &error));
        }
        Ok(made)
    }

    /// Bytes of linear memory that the instance has now.
    #[inline]
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory.data_size(&self.store)
    }

    /// Capacity of the output buffer, for other instances to start with.
    #[inline]
    pub(crate) fn output_capacity(&self) -> u32 {
        self.region(Role::Output).capacity
    }

    /// Gives the next call its own deadline, and forgets what an earlier one was refused.
    #[inline]
    pub(crate) fn begin(&mut self, limits: &Limits) {
        self.store.set_epoch_deadline(limits.deadline_ticks);
        self.store.data_mut().denied = false;
    }

    /// Runs a conversion and hands the driver's output to `read`.
    pub(crate) fn convert<R>(
        &mut self,
        call: &Call<'_>,
        operation: Operation,
        name: &[u8],
        input: &[u8],
        read: impl FnOnce(&[u8]) -> R,
    ) -> Outcome<R> {
        let limits = call.limits;
        let phase = operation.as_str();
        if name.len() > limits.input_bytes_max || input.len() > limits.input_bytes_max {
            let longest = name.len().max(input.len());
            let message = format!(
                "{longest} bytes, at most {} are allowed",
                limits.input_bytes_max
            );
            return Err(kept(DriverCode::InputTooLarge, phase, message));
        }
        let (name_bytes, input_bytes) = (length(name, phase)?, length(input, phase)?);
        // Even nothing is passed as a pointer that `alloc` returned.
        if name_bytes.max(1) > self.region(Role::Name).capacity {
            self.reserve(Role::Name, name_bytes.next_power_of_two())?;
        }
        if input_bytes.max(1) > self.region(Role::Input).capacity {
            self.reserve(Role::Input, input_bytes.next_power_of_two())?;
        }
        self.reserve_output(call)?;
        loop {
            let (at_name, at_input) = (
                self.region(Role::Name).start,
                self.region(Role::Input).start,
            );
            let output = self.region(Role::Output);
            let memory = self.memory.data_mut(&mut self.store);
            put(memory, at_name, name, phase)?;
            put(memory, at_input, input, phase)?;
            put(memory, output.start, &[0; PREFIX_BYTES as usize], phase)?;
            let arguments = (
                at_name,
                name_bytes,
                at_input,
                input_bytes,
                output.start,
                output.capacity,
            );
            let code = match self.convert[operation as usize].call(&mut self.store, arguments) {
                Ok(code) => code,
                Err(error) => return Err(self.trapped(phase, &error)),
            };
            match code {
                answer::OK => return self.output(call.order, phase).map(read),
                answer::BUFFER_TOO_SMALL => self.grow_output(limits, phase)?,
                code => {
                    let quoted = name.len().saturating_add(input.len());
                    return Err(self.refused(call, code, phase, quoted));
                }
            }
        }
    }

    /// Runs `get_version` or `get_schema`.
    pub(crate) fn text<R>(
        &mut self,
        call: &Call<'_>,
        which: Text,
        read: impl FnOnce(&[u8]) -> R,
    ) -> Outcome<R> {
        match self.fetch(call, which)? {
            answer::OK => self.output(call.order, which.as_str()).map(read),
            code => Err(self.refused(call, code, which.as_str(), 0)),
        }
    }

    /// How the driver writes lengths, as its version (or, where asked for, its schema) shows;
    /// `None` where that is empty or refused.
    pub(crate) fn detect_order(
        &mut self,
        limits: &Limits,
        from: Text,
        output_capacity: u32,
    ) -> Outcome<Option<ByteOrder>> {
        let guess = Call {
            limits,
            order: ByteOrder::Little,
            output_capacity,
        };
        if self.fetch(&guess, from)? != answer::OK {
            return Ok(None);
        }
        let output = self.region(Role::Output);
        let memory = self.memory.data(&self.store);
        let prefix = memory
            .get(output.start as usize..)
            .and_then(|rest| rest.first_chunk());
        let longest = output.capacity.saturating_sub(PREFIX_BYTES);
        Ok(prefix.and_then(|prefix| ByteOrder::detect(*prefix, longest)))
    }

    /// Calls a function that only writes an output, with growing room, and returns its code.
    fn fetch(&mut self, call: &Call<'_>, which: Text) -> Outcome<i32> {
        let phase = which.as_str();
        self.reserve_output(call)?;
        loop {
            let output = self.region(Role::Output);
            let memory = self.memory.data_mut(&mut self.store);
            put(memory, output.start, &[0; PREFIX_BYTES as usize], phase)?;
            let arguments = (output.start, output.capacity);
            match self.texts[which as usize].call(&mut self.store, arguments) {
                Ok(answer::BUFFER_TOO_SMALL) => self.grow_output(call.limits, phase)?,
                Ok(code) => return Ok(code),
                Err(error) => return Err(self.trapped(phase, &error)),
            }
        }
    }

    /// The output that the driver wrote, after a check of the length it claims.
    fn output(&self, order: ByteOrder, phase: &'static str) -> Outcome<&[u8]> {
        self.claimed(Role::Output, order).ok_or_else(|| {
            let capacity = self.region(Role::Output).capacity;
            let message = format!("claims an output longer than its buffer of {capacity} bytes");
            poisoned(DriverCode::Abi, phase, message)
        })
    }

    /// The length-prefixed bytes in a buffer; `None` where the length is a lie.
    fn claimed(&self, role: Role, order: ByteOrder) -> Option<&[u8]> {
        let region = self.region(role);
        let start = usize::try_from(region.start).ok()?;
        let end = start.checked_add(usize::try_from(region.capacity).ok()?)?;
        let buffer = self.memory.data(&self.store).get(start..end)?;
        let (prefix, rest) = buffer.split_first_chunk::<{ PREFIX_BYTES as usize }>()?;
        rest.get(..usize::try_from(order.length(*prefix)).ok()?)
    }

    /// Turns a code other than "done" and "too small" into an error with the driver's own text.
    #[cold]
    fn refused(
        &mut self,
        call: &Call<'_>,
        code: i32,
        phase: &'static str,
        quoted: usize,
    ) -> Failure {
        let kind = match code {
            answer::INVALID_INPUT => DriverCode::InvalidInput,
            answer::OPERATION_ERROR => DriverCode::Operation,
            answer::NOT_INITIALISED => {
                let message = "says that it is not initialised, although init was called";
                return poisoned(DriverCode::Abi, phase, message);
            }
            other => {
                return poisoned(
                    DriverCode::Abi,
                    phase,
                    format!("answers unknown code {other}"),
                );
            }
        };
        match self.last_error(call, quoted) {
            Ok(text) => kept(kind, phase, text),
            Err(failure) => failure,
        }
    }

    /// The driver's text for its last error. It forgets the text when asked, even when the buffer
    /// turns out too small, so the buffer is larger than anything it may quote.
    fn last_error(&mut self, call: &Call<'_>, quoted: usize) -> Outcome<String> {
        const PHASE: &str = "get_last_error";
        let wanted = quoted
            .saturating_mul(ERROR_QUOTE_FACTOR)
            .saturating_add(4096);
        let capacity = u32::try_from(wanted)
            .unwrap_or(u32::MAX)
            .min(call.limits.output_bytes_max)
            .max(ERROR_CAPACITY_MIN);
        if capacity > self.region(Role::Error).capacity {
            self.reserve(Role::Error, capacity)?;
        }
        let region = self.region(Role::Error);
        let memory = self.memory.data_mut(&mut self.store);
        put(memory, region.start, &[0; PREFIX_BYTES as usize], PHASE)?;
        match self
            .get_last_error
            .call(&mut self.store, (region.start, region.capacity))
        {
            Ok(answer::OK) => {}
            Ok(answer::BUFFER_TOO_SMALL) => {
                return Ok(format!(
                    "(the driver's text is over {} bytes)",
                    region.capacity
                ));
            }
            Ok(code) => {
                let message = format!("answers code {code} when asked for its error");
                return Err(poisoned(DriverCode::Abi, PHASE, message));
            }
            Err(error) => return Err(self.trapped(PHASE, &error)),
        }
        match self.claimed(Role::Error, call.order) {
            Some(text) => Ok(String::from_utf8_lossy(text).into_owned()),
            None => {
                let message = "claims an error text longer than its buffer";
                Err(poisoned(DriverCode::Abi, PHASE, message))
            }
        }
    }

    /// Makes sure that the output buffer has what earlier calls of this driver needed.
    #[inline]
    fn reserve_output(&mut self, call: &Call<'_>) -> Outcome<()> {
        let ceiling = call.limits.output_bytes_max.saturating_add(PREFIX_BYTES);
        let wanted = call.output_capacity.min(ceiling);
        if wanted > self.region(Role::Output).capacity || self.region(Role::Output).capacity == 0 {
            self.reserve_exact(Role::Output, wanted.max(CAPACITY_MIN).min(ceiling))?;
        }
        Ok(())
    }

    #[cold]
    fn grow_output(&mut self, limits: &Limits, phase: &'static str) -> Outcome<()> {
        let ceiling = limits.output_bytes_max.saturating_add(PREFIX_BYTES);
        let now = self.region(Role::Output).capacity;
        if now >= ceiling {
            let message = format!("more than {} bytes", limits.output_bytes_max);
            return Err(kept(DriverCode::OutputTooLarge, phase, message));
        }
        self.reserve_exact(Role::Output, now.saturating_mul(OUTPUT_GROWTH).min(ceiling))
    }

    #[cold]
    fn reserve(&mut self, role: Role, capacity: u32) -> Outcome<()> {
        self.reserve_exact(role, capacity.max(CAPACITY_MIN))
    }

    /// Replaces a buffer by one of `capacity` bytes.
    #[cold]
    fn reserve_exact(&mut self, role: Role, capacity: u32) -> Outcome<()> {
        let old = std::mem::take(&mut self.regions[role as usize]);
        if old.size > 0
            && let Err(error) = self.dealloc.call(&mut self.store, (old.pointer, old.size))
        {
            return Err(self.trapped("dealloc", &error));
        }
        let size = capacity.saturating_add(ALIGNMENT - 1);
        let pointer = match self.alloc.call(&mut self.store, size) {
            Ok(pointer) => pointer,
            Err(error) => return Err(self.trapped("alloc", &error)),
        };
        if pointer == 0 {
            let code = if self.store.data().denied {
                DriverCode::Memory
            } else {
                DriverCode::Abi
            };
            return Err(poisoned(
                code,
                "alloc",
                format!("found no room for {size} bytes"),
            ));
        }
        let end = u64::from(pointer) + u64::from(size);
        if end > self.memory_bytes() as u64 {
            let message = format!("returned {pointer} for {size} bytes: outside the memory");
            return Err(poisoned(DriverCode::Abi, "alloc", message));
        }
        // Below the end of a 32-bit memory, so neither the rounding nor the sum can overflow.
        let start = pointer.next_multiple_of(ALIGNMENT);
        let region = Region {
            pointer,
            size,
            start,
            capacity,
        };
        if self.regions.iter().any(|other| other.overlaps(&region)) {
            let message = "returned memory that is still in use";
            return Err(poisoned(DriverCode::Abi, "alloc", message));
        }
        self.regions[role as usize] = region;
        Ok(())
    }

    #[inline]
    const fn region(&self, role: Role) -> Region {
        self.regions[role as usize]
    }

    /// Names a trap. The instance is of no use any more.
    #[cold]
    fn trapped(&self, phase: &'static str, error: &wasmtime::Error) -> Failure {
        let code = match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => DriverCode::Timeout,
            Some(Trap::StackOverflow) => DriverCode::Stack,
            _ if self.store.data().denied => DriverCode::Memory,
            _ => DriverCode::Trap,
        };
        let message = match code {
            DriverCode::Timeout => "ran past its deadline".to_owned(),
            DriverCode::Memory => "was refused more memory, and gave up".to_owned(),
            _ => format!("{:#}", error.root_cause()),
        };
        poisoned(code, phase, message)
    }
}

/// What a call is made with.
pub(crate) struct Call<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) order: ByteOrder,
    /// The output buffer that earlier calls of this driver needed.
    pub(crate) output_capacity: u32,
}

fn poisoned(code: DriverCode, phase: &'static str, message: impl Into<String>) -> Failure {
    Failure {
        error: DriverError::new(code, phase, message),
        poisoned: true,
    }
}

fn kept(code: DriverCode, phase: &'static str, message: impl Into<String>) -> Failure {
    Failure {
        error: DriverError::new(code, phase, message),
        poisoned: false,
    }
}

/// The length of what is given to a driver; its limit is far below `u32::MAX`.
#[inline]
fn length(bytes: &[u8], phase: &'static str) -> Outcome<u32> {
    u32::try_from(bytes.len()).map_err(|_| {
        kept(
            DriverCode::InputTooLarge,
            phase,
            "longer than a driver can address",
        )
    })
}

/// Copies into the driver's memory.
#[inline]
fn put(memory: &mut [u8], at: u32, bytes: &[u8], phase: &'static str) -> Outcome<()> {
    let start = at as usize;
    let target = start
        .checked_add(bytes.len())
        .and_then(|end| memory.get_mut(start..end));
    match target {
        Some(target) => {
            target.copy_from_slice(bytes);
            Ok(())
        }
        None => Err(poisoned(DriverCode::Abi, phase, "a buffer left the memory")),
    }
}

/// Looks up the exports, which the static check has already seen.
struct Exports<'a> {
    store: &'a mut Store<Limiter>,
    instance: wasmtime::Instance,
}

impl Exports<'_> {
    fn memory(&mut self) -> Outcome<Memory> {
        let found = self
            .instance
            .get_memory(&mut *self.store, crate::abi::MEMORY);
        found.ok_or_else(|| poisoned(DriverCode::Abi, "instantiate", "exports no memory"))
    }

    fn typed<P, R>(&mut self, name: &'static str) -> Outcome<TypedFunc<P, R>>
    where
        P: wasmtime::WasmParams,
        R: wasmtime::WasmResults,
    {
        self.instance
            .get_typed_func(&mut *self.store, name)
            .map_err(|error| poisoned(DriverCode::Abi, "instantiate", format!("{name}: {error:#}")))
    }
}
