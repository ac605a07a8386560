//! The limits a driver runs under, with the defaults that fit every published driver.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::{DriverCode, DriverError, Result};
use crate::ticker;

/// One mebibyte.
const MIB: u64 = 1 << 20;

/// No driver may have more memory than 32-bit WebAssembly can address.
const MEMORY_BYTES_CEILING: u64 = 4096 * MIB;

/// Inputs and outputs each stay below this, so that a buffer's size always fits a guest pointer.
const TRANSFER_BYTES_CEILING: u64 = 1024 * MIB;

/// Whether calls share an instance of the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// Instances are kept between calls. What a driver remembers, a later call through the same
    /// [`Driver`](crate::Driver) may see.
    #[default]
    Reuse,
    /// Every call gets a new instance: nothing survives a call.
    Fresh,
}

/// How well a driver's code is compiled, and when. What calls answer is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Optimization {
    /// Compiled quickly at first. Once calls have spent some time in that code, a background thread
    /// compiles the module again, well; from their next call on, instances are replaced by such that
    /// run the new code.
    #[default]
    Tiered,
    /// Compiled quickly, and that is enough for this driver. (Drivers of the same module share
    /// their code: where another has made it better, this one has it too.)
    Quick,
    /// Compiled well before loading ends.
    Full,
}

/// How a driver is loaded and what each call to it may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The longest one call may run, everything it needs included (default 1 s). Enforced in
    /// steps of [`DEADLINE_RESOLUTION`](crate::DEADLINE_RESOLUTION), never early.
    pub deadline: Duration,
    /// The most linear memory of one instance, bytes (default 64 MiB).
    pub memory_bytes_max: u64,
    /// An instance whose memory grew past this is replaced after the call (default 32 MiB):
    /// WebAssembly memory never shrinks, so one large call would otherwise hold it for ever.
    pub recycle_bytes: u64,
    /// The longest name or data given to a call, bytes each (default 16 MiB).
    pub input_bytes_max: u64,
    /// The longest answer, bytes (default 16 MiB).
    pub output_bytes_max: u64,
    /// Whether calls share instances (default: they do).
    pub isolation: Isolation,
    /// How well the code is compiled, and when (default: well once that pays).
    pub optimization: Optimization,
    /// Where compiled code is kept between processes; `None`: only in memory.
    pub cache_dir: Option<PathBuf>,
    /// Refuse any module whose SHA-256 is not this.
    pub expected_hash: Option<[u8; 32]>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(1),
            memory_bytes_max: 64 * MIB,
            recycle_bytes: 32 * MIB,
            input_bytes_max: 16 * MIB,
            output_bytes_max: 16 * MIB,
            isolation: Isolation::Reuse,
            optimization: Optimization::Tiered,
            cache_dir: None,
            expected_hash: None,
        }
    }
}

/// Options after their check, in the units that the hot path wants.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Deadline in ticks of the epoch, rounded up so that it never comes early.
    pub(crate) deadline_ticks: u64,
    pub(crate) memory_bytes_max: usize,
    pub(crate) recycle_bytes: usize,
    pub(crate) input_bytes_max: usize,
    pub(crate) output_bytes_max: u32,
    pub(crate) isolation: Isolation,
    pub(crate) optimization: Optimization,
}

impl Limits {
    /// Checks the options' ranges.
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let bad = |what: &str| DriverError::new(DriverCode::BadArgument, "options", what);
        if options.deadline.is_zero() {
            return Err(bad("the deadline is zero"));
        }
        if options.memory_bytes_max > MEMORY_BYTES_CEILING {
            return Err(bad(
                "the memory limit is over 4 GiB, the most a driver can address",
            ));
        }
        if options.input_bytes_max > TRANSFER_BYTES_CEILING
            || options.output_bytes_max > TRANSFER_BYTES_CEILING
        {
            return Err(bad("the input or output limit is over 1 GiB"));
        }
        let wide =
            |value: u64| usize::try_from(value).map_err(|_| bad("a limit is too large here"));
        Ok(Self {
            deadline_ticks: ticker::ticks(options.deadline),
            memory_bytes_max: wide(options.memory_bytes_max)?,
            recycle_bytes: wide(options.recycle_bytes)?,
            input_bytes_max: wide(options.input_bytes_max)?,
            output_bytes_max: u32::try_from(options.output_bytes_max)
                .map_err(|_| bad("the output limit is over 1 GiB"))?,
            isolation: options.isolation,
            optimization: options.optimization,
        })
    }
}
