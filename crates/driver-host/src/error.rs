//! What can go wrong with a driver, as stable codes: the driver's fault, the caller's, or ours.

use std::fmt;

/// The stable code of a [`DriverError`]. Callers branch on this, never on the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DriverCode {
    /// The static check refused the module; the message names every fault.
    Rejected,
    /// The driver trapped (it panicked, read outside its memory, …).
    Trap,
    /// The call ran longer than its deadline.
    Timeout,
    /// The driver wanted more memory or a larger table than its limit.
    Memory,
    /// The driver recursed deeper than its stack.
    Stack,
    /// The name or the data given to the driver is over the input limit.
    InputTooLarge,
    /// The driver's answer is over the output limit.
    OutputTooLarge,
    /// The driver answered that the input is invalid (code 1).
    InvalidInput,
    /// The driver reported a failed operation (code 2); the message is the driver's own text.
    Operation,
    /// The driver broke the calling convention: a pointer outside its memory, a lying length,
    /// text that is not UTF-8, an unknown code.
    Abi,
    /// The driver handle was closed.
    Closed,
    /// The module's SHA-256 is not the expected or pinned one.
    HashMismatch,
    /// The owner's signature is missing or does not verify.
    Signature,
    /// The caller gave something meaningless (an option out of range, an empty contract id).
    BadArgument,
    /// The batch was cancelled before this item ran.
    Aborted,
    /// A file of the registry is damaged.
    Corrupt,
    /// The operating system failed us (a file, a thread, memory for the engine).
    Io,
    /// A panic of our own, caught before it left the library.
    Panic,
}

impl DriverCode {
    /// The code as the string that every binding uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "DRIVER_REJECTED",
            Self::Trap => "DRIVER_TRAP",
            Self::Timeout => "DRIVER_TIMEOUT",
            Self::Memory => "DRIVER_MEMORY",
            Self::Stack => "DRIVER_STACK",
            Self::InputTooLarge => "DRIVER_INPUT_TOO_LARGE",
            Self::OutputTooLarge => "DRIVER_OUTPUT_TOO_LARGE",
            Self::InvalidInput => "DRIVER_INVALID_INPUT",
            Self::Operation => "DRIVER_OPERATION",
            Self::Abi => "DRIVER_ABI",
            Self::Closed => "DRIVER_CLOSED",
            Self::HashMismatch => "DRIVER_HASH_MISMATCH",
            Self::Signature => "DRIVER_SIGNATURE",
            Self::BadArgument => "BAD_ARGUMENT",
            Self::Aborted => "ABORTED",
            Self::Corrupt => "STORE_CORRUPT",
            Self::Io => "INTERNAL_IO",
            Self::Panic => "INTERNAL_PANIC",
        }
    }
}

impl fmt::Display for DriverCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure of a driver, of a call to it, or of what surrounds it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code} in {phase}: {message}")]
pub struct DriverError {
    /// What kind of failure this is.
    pub code: DriverCode,
    /// Where it happened: `check`, `compile`, `init`, the name of the export that was running, …
    pub phase: &'static str,
    /// For people. With [`DriverCode::Operation`] and [`DriverCode::InvalidInput`] this is the
    /// driver's own text, untouched.
    pub message: String,
    /// SHA-256 of the module, where one was known.
    pub driver_hash: Option<[u8; 32]>,
}

impl DriverError {
    /// An error that is not (yet) about one particular driver.
    pub(crate) fn new(code: DriverCode, phase: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            phase,
            message: message.into(),
            driver_hash: None,
        }
    }

    /// The same error, naming the driver.
    pub(crate) fn of(mut self, hash: [u8; 32]) -> Self {
        self.driver_hash = Some(hash);
        self
    }
}

/// What most functions here return.
pub type Result<T, E = DriverError> = std::result::Result<T, E>;
