//! The one engine of the process: every WebAssembly feature is set by name, instances come from a
//! pool of preallocated slots.

use std::sync::OnceLock;

use parking_lot::Mutex;
use wasmparser::WasmFeatures;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    Strategy,
};

use crate::error::{DriverCode, DriverError, Result};
use crate::ticker;

/// What a driver may use: what compilers of the last years emit by default, and vectors. No
/// threads, no garbage collection, no second memory, no 64-bit memory, no tail calls, no
/// exceptions. (Modules of Rust 1.82 and later need the encodings of reference types.)
pub(crate) const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::FLOATS);

/// The WebAssembly stack of one call, bytes. It lies on the calling thread's own stack, and Node's
/// workers have 4 MiB.
pub(crate) const STACK_BYTES_MAX: usize = 512 << 10;

/// Table elements that any driver may have; each costs a pointer in a preallocated slot.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 16 << 10;

/// Instance slots to try to reserve, most first. A slot costs 4 GiB of *address space* (that is
/// what lets compiled code go without bounds checks), no memory; where the process may not have so
/// much address space, fewer do.
const SLOTS: [u32; 3] = [1000, 100, 10];

/// Memory of a slot that is zeroed in place when an instance goes, instead of being handed back to
/// the system and faulted in again.
const KEEP_RESIDENT_BYTES: usize = 256 << 10;

/// The engine and what identifies code compiled by it.
pub(crate) struct Host {
    pub(crate) engine: Engine,
    /// Whether instances come from the preallocated pool (else each is mapped when needed).
    pub(crate) pooled: bool,
}

/// The state of the process-wide engine, for diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineStatus {
    /// Instances come from preallocated slots. False where the process may not reserve the address
    /// space: everything works, a new instance costs more.
    pub pooled: bool,
    /// Instances that live now, idle ones included.
    pub instances: u64,
    /// The deadline's thread sleeps, because no call has run lately.
    pub clock_parked: bool,
}

/// The state of the process-wide engine; starts it if nothing has yet.
///
/// # Errors
/// `INTERNAL_IO` where the engine cannot start.
pub fn engine_status() -> Result<EngineStatus> {
    let host = host()?;
    let instances = host
        .engine
        .pooling_allocator_metrics()
        .map_or(0, |pool| pool.core_instances());
    Ok(EngineStatus {
        pooled: host.pooled,
        instances,
        clock_parked: ticker::is_parked(),
    })
}

/// The process-wide engine, made at first use. A failure is not remembered.
pub(crate) fn host() -> Result<&'static Host> {
    static HOST: OnceLock<Host> = OnceLock::new();
    static MAKING: Mutex<()> = Mutex::new(());
    if let Some(host) = HOST.get() {
        return Ok(host);
    }
    let _guard = MAKING.lock();
    if let Some(host) = HOST.get() {
        return Ok(host);
    }
    let made = make()?;
    ticker::start(&made.engine)?;
    Ok(HOST.get_or_init(|| made))
}

fn make() -> Result<Host> {
    for slots in SLOTS {
        if let Ok(engine) = Engine::new(&config(Some(slots))) {
            return Ok(Host {
                engine,
                pooled: true,
            });
        }
    }
    let engine = Engine::new(&config(None)).map_err(|error| {
        DriverError::new(
            DriverCode::Io,
            "start",
            format!("no WebAssembly engine: {error:#}"),
        )
    })?;
    Ok(Host {
        engine,
        pooled: false,
    })
}

fn config(slots: Option<u32>) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .wasm_features(WasmFeatures::all().difference(FEATURES), false)
        .wasm_features(FEATURES, true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES_MAX)
        .memory_init_cow(true)
        // Nobody reads these: error messages name the export, and failing calls stay cheap.
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false);
    if let Some(slots) = slots {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(slots)));
    }
    config
}

fn pool(slots: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(slots)
        .total_memories(slots)
        .total_tables(slots)
        .max_memories_per_module(1)
        .max_tables_per_module(1)
        .table_elements(TABLE_ELEMENTS_MAX)
        .max_core_instance_size(2 << 20)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(64 << 10)
        // Where the system can tell which pages were written, only those are cleared.
        .pagemap_scan(Enabled::Auto);
    pool
}
