//! A loaded driver: the calls, and what happens around each of them.

use std::sync::Arc;

use crate::abi::{ByteOrder, Operation};
use crate::cache::{self, Source};
use crate::error::{DriverCode, DriverError, Result};
use crate::inner::{Inner, Session};
use crate::instance::Text;
use crate::metrics::Metrics;
use crate::optimiser;
use crate::options::{Limits, Options};

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
pub struct Driver(pub(crate) Arc<Inner>);

impl Driver {
    /// Checks, compiles (once per process, or less with a cache directory) and initialises a
    /// driver.
    ///
    /// # Errors
    /// `DRIVER_HASH_MISMATCH`; `DRIVER_REJECTED` with every fault of the module; `BAD_ARGUMENT`
    /// for options out of range; what `init` or `get_version` failed with.
    pub fn load(wasm: &[u8], options: &Options) -> Result<Self> {
        Self::load_from(Source::new(wasm), options)
    }

    /// As [`Driver::load`], for whoever cannot keep the bytes until it is done.
    ///
    /// # Errors
    /// As [`Driver::load`].
    pub fn load_from(source: Source, options: &Options) -> Result<Self> {
        let limits = Limits::new(options)?;
        let compiled = cache::load(source, options)?;
        let hash = compiled.facts.hash;
        if compiled.facts.memory_bytes_min > options.memory_bytes_max {
            let message = format!(
                "starts with {} bytes of memory, at most {} are allowed",
                compiled.facts.memory_bytes_min, options.memory_bytes_max
            );
            return Err(DriverError::new(DriverCode::Memory, "check", message).of(hash));
        }
        match Inner::start(compiled, limits) {
            Ok(inner) => Ok(Self(inner)),
            Err(failure) => Err(failure.error.of(hash)),
        }
    }

    /// SHA-256 of the module.
    pub fn hash(&self) -> [u8; 32] {
        self.0.compiled.facts.hash
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
        Session::open(&self.0).decode(operation, name, input, read)
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
        Session::open(&self.0).call(operation, name, input, read)
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
        self.read_version(str::to_owned)
    }

    /// As [`Driver::get_version`], with the text handed to `read` where it lies.
    ///
    /// # Errors
    /// As [`Driver::encode_input_fn`].
    #[inline]
    pub fn read_version<R>(&self, read: impl FnOnce(&str) -> R) -> Result<R> {
        Session::open(&self.0).text(Text::Version, read)
    }

    fn text(&self, which: Text) -> Result<String> {
        Session::open(&self.0).text(which, str::to_owned)
    }

    /// Waits until this driver's code is as good as it gets ([`Optimization::Tiered`](crate::Optimization::Tiered) does that by
    /// itself, later). For whoever measures, or knows that much work is coming.
    pub fn optimise(&self) {
        optimiser::request(&self.0.compiled);
        self.0.compiled.wait();
    }

    /// Counters of this driver.
    pub fn metrics(&self) -> Metrics {
        self.0.metrics()
    }

    /// Gives up the driver: calls that run finish, later ones get `DRIVER_CLOSED`. Idempotent.
    pub fn close(&self) {
        self.0.close();
    }

    /// Whether [`Driver::close`] was called on any handle.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver")
            .field("order", &self.0.order)
            .finish_non_exhaustive()
    }
}
