//! The interface of a driver module: how a host's bytes come in, and how the answers go out.
//!
//! A host reserves memory of the module with `alloc`, copies a name and some data into it, calls,
//! and finds in its output region the length of the answer (4 bytes, little-endian) and the answer.
//! Every call returns a [`Status`]; the reason of the last failure is kept for `get_last_error`.
//!
//! This is what [`export_driver!`](crate::export_driver) builds on. A driver's author needs nothing
//! of it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::alloc::Layout;
use core::cell::{OnceCell, RefCell};
use core::{ptr, slice, str};

use crate::{ConvertibleContract, Error};

/// The alignment of what `alloc` gives: archives start here, and rkyv reads them in place.
const ALIGNMENT: usize = 16;

/// Bytes in front of an answer, which hold its length.
const LENGTH_BYTES: usize = 4;

/// What a call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    /// The answer is in the output region.
    Ok = 0,
    /// A region lies outside of the memory, or a text is no UTF-8.
    InvalidInput = 1,
    /// The driver refused; `get_last_error` has its words.
    OperationError = 2,
    /// `init` was not called.
    NotInitialised = 3,
    /// The answer does not fit into the output region; `get_last_error` says how long it is.
    OutputTooSmall = 4,
}

/// Which conversion is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// [`ConvertibleContract::encode_input_fn`].
    EncodeInput,
    /// [`ConvertibleContract::decode_input_fn`].
    DecodeInput,
    /// [`ConvertibleContract::decode_output_fn`].
    DecodeOutput,
    /// [`ConvertibleContract::decode_event`].
    DecodeEvent,
}

/// A region of memory that the host has filled.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    /// Its first byte; anything where it is empty.
    pub start: *const u8,
    /// Its length in bytes.
    pub length: usize,
}

/// A region of memory for the answer.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Its first byte; anything where it is empty.
    pub start: *mut u8,
    /// Its length in bytes.
    pub length: usize,
}

/// A refusal: what the call returns, and what `get_last_error` gives.
struct Failure {
    status: Status,
    reason: String,
}

impl Failure {
    fn new(status: Status, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Failure { status, reason }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::new(Status::OperationError, format!("{error:?}"))
    }
}

/// The state of a driver module: the driver once `init` was called, and the last failure's reason.
pub struct Module<D> {
    driver: OnceCell<D>,
    last_error: RefCell<String>,
}

// SAFETY: the module's memory belongs to one thread, because the target has no atomics; a host that
// shared it between threads all the same could not have started them.
#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
unsafe impl<D> Sync for Module<D> {}

impl<D> Default for Module<D> {
    fn default() -> Self {
        Self::new()
    }
}

impl<D> Module<D> {
    /// A module whose `init` was not called yet.
    #[must_use]
    pub const fn new() -> Self {
        Module {
            driver: OnceCell::new(),
            last_error: RefCell::new(String::new()),
        }
    }

    /// Makes the driver. Calling it again changes nothing.
    pub fn init(&self, make: impl FnOnce() -> D) {
        self.driver.get_or_init(make);
    }

    fn remember(&self, reason: String) {
        // Never borrowed here: nothing calls out while it is.
        if let Ok(mut last_error) = self.last_error.try_borrow_mut() {
            *last_error = reason;
        }
    }

    /// Writes the answer of a call, or keeps the reason why there is none.
    ///
    /// # Safety
    /// As for [`Module::convert`].
    unsafe fn answer(
        &self,
        out: Output,
        call: impl FnOnce(&D) -> Result<Vec<u8>, Failure>,
    ) -> Status {
        let answer = self
            .driver
            .get()
            .ok_or_else(|| Failure::new(Status::NotInitialised, "the driver is not initialised"))
            .and_then(call)
            // SAFETY: passed on by the caller.
            .and_then(|answer| unsafe { write(&answer, out) });
        let (status, reason) = match answer {
            Ok(()) => (Status::Ok, String::new()),
            Err(Failure { status, reason }) => (status, reason),
        };
        self.remember(reason);
        status
    }

    /// Writes the reason of the last failure, empty where the last call succeeded. It is kept until
    /// it was written whole, so that a host may ask again with more room.
    ///
    /// # Safety
    /// As for [`Module::convert`].
    pub unsafe fn last_error(&self, out: Output) -> Status {
        let reason = self.last_error.take();
        // SAFETY: passed on by the caller.
        match unsafe { write(reason.as_bytes(), out) } {
            Ok(()) => Status::Ok,
            Err(Failure { status, .. }) => {
                self.remember(reason);
                status
            }
        }
    }
}

impl<D: ConvertibleContract> Module<D> {
    /// Carries out one conversion.
    ///
    /// # Safety
    /// Each region that is not empty and lies inside the memory is memory that the host got from
    /// [`reserve`] or owns otherwise, is not used by anything else during the call, and was filled
    /// where it is an input. Regions may overlap.
    pub unsafe fn convert(
        &self,
        conversion: Conversion,
        name: Input,
        data: Input,
        out: Output,
    ) -> Status {
        let call = |driver: &D| {
            // SAFETY: passed on by the caller; what borrows them ends before the answer is written.
            let (name, data) = unsafe { (read(name)?, read(data)?) };
            run(driver, conversion, name, data)
        };
        // SAFETY: passed on by the caller.
        unsafe { self.answer(out, call) }
    }

    /// Writes the schema.
    ///
    /// # Safety
    /// As for [`Module::convert`].
    pub unsafe fn schema(&self, out: Output) -> Status {
        // SAFETY: passed on by the caller.
        unsafe { self.answer(out, |driver| Ok(driver.get_schema().into_bytes())) }
    }

    /// Writes the driver's version.
    ///
    /// # Safety
    /// As for [`Module::convert`].
    pub unsafe fn version(&self, out: Output) -> Status {
        // SAFETY: passed on by the caller.
        unsafe { self.answer(out, |driver| Ok(driver.get_version().as_bytes().to_vec())) }
    }
}

fn run<D: ConvertibleContract>(
    driver: &D,
    conversion: Conversion,
    name: &[u8],
    data: &[u8],
) -> Result<Vec<u8>, Failure> {
    let name = text(name, "name")?;
    let value = match conversion {
        Conversion::EncodeInput => {
            return Ok(driver.encode_input_fn(name, text(data, "JSON")?)?);
        }
        Conversion::DecodeInput => driver.decode_input_fn(name, data)?,
        Conversion::DecodeOutput => driver.decode_output_fn(name, data)?,
        Conversion::DecodeEvent => driver.decode_event(name, data)?,
    };
    Ok(value.to_string().into_bytes())
}

fn text<'a>(bytes: &'a [u8], what: &str) -> Result<&'a str, Failure> {
    str::from_utf8(bytes).map_err(|why| {
        Failure::new(
            Status::InvalidInput,
            format!("the {what} is not UTF-8: {why}"),
        )
    })
}

/// Whether a region that is not empty lies inside the memory.
fn is_inside(start: *const u8, length: usize) -> bool {
    #[cfg(target_arch = "wasm32")]
    let memory_bytes = core::arch::wasm32::memory_size(0).saturating_mul(65_536);
    #[cfg(not(target_arch = "wasm32"))]
    let memory_bytes = isize::MAX.unsigned_abs();
    !start.is_null()
        && start
            .addr()
            .checked_add(length)
            .is_some_and(|end| end <= memory_bytes)
}

fn outside() -> Failure {
    Failure::new(
        Status::InvalidInput,
        "a region lies outside of the module's memory",
    )
}

/// The bytes of an input region.
///
/// # Safety
/// As for [`Module::convert`]; nothing writes to the region while the result is in use.
unsafe fn read<'a>(input: Input) -> Result<&'a [u8], Failure> {
    if input.length == 0 {
        return Ok(&[]);
    }
    if !is_inside(input.start, input.length) {
        return Err(outside());
    }
    // SAFETY: not null, inside the memory, and filled by the host, as the caller passes on.
    Ok(unsafe { slice::from_raw_parts(input.start, input.length) })
}

/// Writes an answer behind its length.
///
/// # Safety
/// As for [`Module::convert`].
unsafe fn write(answer: &[u8], out: Output) -> Result<(), Failure> {
    let needed = answer.len().saturating_add(LENGTH_BYTES);
    let (Ok(length), true) = (u32::try_from(answer.len()), needed <= out.length) else {
        return Err(Failure::new(
            Status::OutputTooSmall,
            format!(
                "the output region has {} bytes, the answer needs {needed}",
                out.length
            ),
        ));
    };
    if !is_inside(out.start, out.length) {
        return Err(outside());
    }
    // SAFETY: the region is not null, lies inside the memory, is the host's, as the caller passes
    // on, and has room for the length and the answer, which is memory of its own.
    unsafe {
        ptr::copy_nonoverlapping(length.to_le_bytes().as_ptr(), out.start, LENGTH_BYTES);
        ptr::copy_nonoverlapping(answer.as_ptr(), out.start.add(LENGTH_BYTES), answer.len());
    }
    Ok(())
}

/// Reserves memory for a host: the module's `alloc`. Null where there is none.
#[must_use]
pub fn reserve(length: usize) -> *mut u8 {
    match Layout::from_size_align(length, ALIGNMENT) {
        Ok(layout) if length > 0 => {
            // SAFETY: the layout is not empty.
            unsafe { alloc::alloc::alloc(layout) }
        }
        // A region without bytes needs an address, but no memory.
        Ok(_) => ptr::without_provenance_mut(ALIGNMENT),
        Err(_) => ptr::null_mut(),
    }
}

/// Gives back what [`reserve`] gave: the module's `dealloc`.
///
/// # Safety
/// The region is one that [`reserve`] gave for this length, and is given back once.
pub unsafe fn release(start: *mut u8, length: usize) {
    if let Ok(layout) = Layout::from_size_align(length, ALIGNMENT)
        && length > 0
        && !start.is_null()
    {
        // SAFETY: reserved with this layout, as the caller promises.
        unsafe { alloc::alloc::dealloc(start, layout) }
    }
}
