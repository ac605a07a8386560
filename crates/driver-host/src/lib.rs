//! Runs contract data drivers: WebAssembly modules, published by third parties, that convert one
//! contract's JSON to rkyv bytes and back.
//!
//! A driver is code nobody here wrote, so nothing it does can hurt the process: it is judged before
//! it is compiled, it has no imports, its memory, table, stack, time, input and output are bounded,
//! and an instance that trapped or ran out of time is never used again. What this does *not*
//! contain is a lie: a driver decides what the JSON says.
//!
//! - [`Driver::load`] checks, compiles and starts a driver; its methods convert.
//! - [`check`](check()) judges a module and names all of its faults at once.
//! - [`Registry`] keeps drivers in a directory, by contract, with versions, pins and signatures.
//! - [`Options`] are the limits; [`DriverError`] has a stable code for everything that can go wrong.
//!
//! This crate knows nothing of any chain, and is the only one that names the WebAssembly engine.

#![forbid(clippy::undocumented_unsafe_blocks)]

mod abi;
mod alive;
mod batch;
mod cache;
mod check;
mod compiled;
mod disk;
mod driver;
mod engine;
mod error;
mod guest;
mod inlining;
mod inner;
mod instance;
mod limiter;
mod metrics;
mod optimiser;
mod options;
mod priority;
mod registry;
mod slots;
mod straight_line;
mod ticker;
mod wide_multiplication;

pub use abi::{ByteOrder, Operation};
pub use batch::{Cancel, Item, Items, Output, Packed, pool_threads, set_pool_threads};
pub use cache::{
    CODE_CACHE_BYTES_DEFAULT, CodeCacheMetrics, Source, code_cache_metrics,
    set_code_cache_bytes_max,
};
pub use check::{
    FUNCTION_BYTES_MAX, FUNCTION_WORK_MAX, FUNCTIONS_MAX, Fault, GLOBALS_MAX, LOCALS_MAX,
    MODULE_BYTES_MAX, MODULE_WORK_MAX, PARAMETERS_MAX, RESULTS_MAX, Report, SEGMENTS_MAX, check,
};
pub use driver::Driver;
pub use engine::{EngineStatus, engine_status};
pub use error::{DriverCode, DriverError, Result};
pub use metrics::Metrics;
pub use options::{Isolation, Optimization, Options};
pub use registry::{
    Entry, OWNER_KEY_BYTES, OwnerKey, Put, Registry, RegistryOptions, SIGNATURE_BYTES,
    SignatureForm, owner_message,
};
pub use ticker::DEADLINE_RESOLUTION;
