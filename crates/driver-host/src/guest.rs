//! Our dealings with one instance's memory: the buffers that we own in it, and its last words.
//!
//! Invariants:
//! - Nothing a driver answers is believed: every pointer and length is checked against the memory
//!   before it is used, and no host address is ever derived from one.
//! - Buffers are allocated by the driver's own `alloc`, kept between calls (so that a call is one
//!   crossing) and checked once: memory never shrinks, and an offset stays valid when it grows.
//! - Every buffer is over-allocated and aligned to 16, because archived data wants it and `alloc`
//!   promises nothing.

use std::cell::Cell;

use wasmtime::{Memory, Store, Trap, TypedFunc};

use crate::abi::{ByteOrder, PREFIX_BYTES, answer};
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

/// The type of the functions that only write an output.
pub(crate) type Fetch = TypedFunc<(u32, u32), i32>;

/// A failed call, and whether the instance can be trusted with another.
pub(crate) struct Failure {
    pub(crate) error: DriverError,
    /// The instance trapped, was interrupted or broke the convention: it must be thrown away.
    pub(crate) poisoned: bool,
}

pub(crate) type Outcome<T> = Result<T, Failure>;

/// A buffer of ours in the driver's memory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Region {
    /// What `alloc` returned and `dealloc` gets back.
    pointer: u32,
    size: u32,
    /// The aligned part that is used.
    pub(crate) start: u32,
    pub(crate) capacity: u32,
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
pub(crate) enum Role {
    Name,
    Input,
    Output,
    Error,
}

/// What a call is made with.
pub(crate) struct Call<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) order: ByteOrder,
    /// The output buffer that earlier calls of this driver needed.
    pub(crate) output_capacity: u32,
}

/// An instance's memory, with what it takes to own buffers in it.
pub(crate) struct Guest {
    pub(crate) store: Store<Limiter>,
    pub(crate) memory: Memory,
    alloc: TypedFunc<u32, u32>,
    dealloc: TypedFunc<(u32, u32), ()>,
    get_last_error: Fetch,
    regions: [Region; 4],
    /// Size of the memory when an answer was last read; zero where none was since the call began.
    /// Asking the engine once more is a tenth of a small call.
    seen_bytes: Cell<usize>,
}

impl Guest {
    /// An instance's memory and exports, without buffers.
    pub(crate) fn new(
        store: Store<Limiter>,
        memory: Memory,
        alloc: TypedFunc<u32, u32>,
        dealloc: TypedFunc<(u32, u32), ()>,
        get_last_error: Fetch,
    ) -> Self {
        Self {
            store,
            memory,
            alloc,
            dealloc,
            get_last_error,
            regions: [Region::default(); 4],
            seen_bytes: Cell::new(0),
        }
    }

    /// Gives the next call its own deadline, and forgets what was refused before it.
    #[inline]
    pub(crate) fn begin(&mut self, limits: &Limits) {
        self.store.set_epoch_deadline(limits.deadline_ticks);
        self.forget();
    }

    /// Forgets what was refused so far: a trap from now on is not blamed on that.
    #[inline]
    pub(crate) fn forget(&mut self) {
        self.store.data_mut().denied = false;
        self.seen_bytes.set(0);
    }

    /// Bytes of linear memory that the instance has now.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory.data_size(&self.store)
    }

    /// As [`Guest::memory_bytes`], after a call: reading the answer is the last that a call does, if
    /// there is one.
    #[inline]
    pub(crate) fn memory_bytes_after(&self) -> usize {
        match self.seen_bytes.get() {
            0 => self.memory_bytes(),
            seen => seen,
        }
    }

    /// The length-prefixed bytes in a buffer; `None` where the length is a lie.
    #[inline]
    pub(crate) fn claimed(&self, role: Role, order: ByteOrder) -> Option<&[u8]> {
        let region = self.region(role);
        let start = usize::try_from(region.start).ok()?;
        let end = start.checked_add(usize::try_from(region.capacity).ok()?)?;
        let memory = self.memory.data(&self.store);
        self.seen_bytes.set(memory.len());
        let buffer = memory.get(start..end)?;
        let (prefix, rest) = buffer.split_first_chunk::<{ PREFIX_BYTES as usize }>()?;
        rest.get(..usize::try_from(order.length(*prefix)).ok()?)
    }

    /// The driver's text for its last error. It forgets the text when asked, even when the buffer
    /// turns out too small, so the buffer is larger than anything it may quote.
    pub(crate) fn last_error(&mut self, call: &Call<'_>, quoted: usize) -> Outcome<String> {
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
    pub(crate) fn reserve_output(&mut self, call: &Call<'_>) -> Outcome<()> {
        let ceiling = call.limits.output_bytes_max.saturating_add(PREFIX_BYTES);
        let wanted = call.output_capacity.min(ceiling);
        if wanted > self.region(Role::Output).capacity || self.region(Role::Output).capacity == 0 {
            self.reserve_exact(Role::Output, wanted.max(CAPACITY_MIN).min(ceiling))?;
        }
        Ok(())
    }

    #[cold]
    pub(crate) fn grow_output(&mut self, limits: &Limits, phase: &'static str) -> Outcome<()> {
        let ceiling = limits.output_bytes_max.saturating_add(PREFIX_BYTES);
        let now = self.region(Role::Output).capacity;
        if now >= ceiling {
            let message = format!("more than {} bytes", limits.output_bytes_max);
            return Err(kept(DriverCode::OutputTooLarge, phase, message));
        }
        self.reserve_exact(Role::Output, now.saturating_mul(OUTPUT_GROWTH).min(ceiling))
    }

    #[cold]
    pub(crate) fn reserve(&mut self, role: Role, capacity: u32) -> Outcome<()> {
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
    pub(crate) const fn region(&self, role: Role) -> Region {
        self.regions[role as usize]
    }

    /// Names a trap. The instance is of no use any more.
    #[cold]
    pub(crate) fn trapped(&self, phase: &'static str, error: &wasmtime::Error) -> Failure {
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

pub(crate) fn poisoned(
    code: DriverCode,
    phase: &'static str,
    message: impl Into<String>,
) -> Failure {
    Failure {
        error: DriverError::new(code, phase, message),
        poisoned: true,
    }
}

pub(crate) fn kept(code: DriverCode, phase: &'static str, message: impl Into<String>) -> Failure {
    Failure {
        error: DriverError::new(code, phase, message),
        poisoned: false,
    }
}

/// The length of what is given to a driver; its limit is far below `u32::MAX`.
#[inline]
pub(crate) fn length(bytes: &[u8], phase: &'static str) -> Outcome<u32> {
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
pub(crate) fn put(memory: &mut [u8], at: u32, bytes: &[u8], phase: &'static str) -> Outcome<()> {
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
