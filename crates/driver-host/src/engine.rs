//! The engines of the process: every WebAssembly feature is set by name, instances come from pools
//! of preallocated slots, and code is compiled twice: quickly at first, well once that pays.

use std::sync::OnceLock;

use parking_lot::Mutex;
use wasmparser::WasmFeatures;
use wasmtime::{
    Config, Enabled, Engine, Inlining, InstanceAllocationStrategy, OptLevel,
    PoolingAllocationConfig, RegallocAlgorithm, Strategy,
};

use crate::error::{DriverCode, DriverError, Result};
use crate::inlining;
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

/// What the compiler may meet: what a driver may use, and what we put in its place.
const COMPILED: WasmFeatures = FEATURES.union(WasmFeatures::WIDE_ARITHMETIC);

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
/// the system and faulted in again, bytes.
const KEEP_RESIDENT_BYTES: usize = 256 << 10;

/// Modules with more functions than this are not compiled with inlining: what it costs, in time
/// and memory, grows with their number whatever their size.
const INLINED_FUNCTIONS_MAX: u32 = 1_000;
/// Modules with more bytes than this are not compiled with inlining.
const INLINED_MODULE_BYTES_MAX: usize = 1 << 20;

/// How code is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tier {
    /// In the least time.
    Quick,
    /// Optimised, function by function.
    Plain,
    /// Optimised, with functions inlined into their callers.
    Inlined,
}

impl Tier {
    /// All ways, worst code first.
    pub(crate) const ALL: [Self; 3] = [Self::Quick, Self::Plain, Self::Inlined];

    /// What is in the end worth doing for a module that the static check has accepted.
    pub(crate) fn target(functions: u32, module: &[u8]) -> Self {
        let considered =
            functions <= INLINED_FUNCTIONS_MAX && module.len() <= INLINED_MODULE_BYTES_MAX;
        if considered && inlining::stays_small(module) {
            Self::Inlined
        } else {
            Self::Plain
        }
    }
}

/// An engine, which compiles in one way.
pub(crate) struct Host {
    pub(crate) engine: Engine,
    pub(crate) tier: Tier,
    /// Whether instances come from the preallocated pool (else each is mapped when needed).
    pub(crate) pooled: bool,
}

static HOSTS: [OnceLock<Host>; Tier::ALL.len()] = [const { OnceLock::new() }; Tier::ALL.len()];

/// The state of the process's engines, for diagnostics.
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

/// The state of the process's engines; starts the first if none has yet.
///
/// # Errors
/// `INTERNAL_IO` where it cannot start.
pub fn engine_status() -> Result<EngineStatus> {
    host(Tier::Quick)?;
    let live = |host: &Host| {
        let pool = host.engine.pooling_allocator_metrics();
        pool.map_or(0, |pool| pool.core_instances())
    };
    Ok(EngineStatus {
        pooled: started().all(|host| host.pooled),
        instances: started().map(live).sum(),
        clock_parked: ticker::is_parked(),
    })
}

fn started() -> impl Iterator<Item = &'static Host> {
    HOSTS.iter().filter_map(OnceLock::get)
}

/// Advances the deadlines' clock.
pub(crate) fn tick() {
    started().for_each(|host| host.engine.increment_epoch());
}

/// The process's engine for that way of compiling, made at first use. A failure is not remembered.
pub(crate) fn host(tier: Tier) -> Result<&'static Host> {
    static MAKING: Mutex<bool> = Mutex::new(false);
    let place = &HOSTS[tier as usize];
    if let Some(host) = place.get() {
        return Ok(host);
    }
    let mut clock_started = MAKING.lock();
    if let Some(host) = place.get() {
        return Ok(host);
    }
    let made = make(tier)?;
    if !*clock_started {
        ticker::start()?;
        *clock_started = true;
    }
    Ok(place.get_or_init(|| made))
}

/// An engine that only compiles for `host`. The compiler keeps the room that it once needed, which for
/// inlining is hundreds of MiB; with this it goes as soon as the code is there.
pub(crate) fn compiler(host: &Host) -> Result<Engine> {
    // A pool changes the code, so there is one here too; the code is the same for any number of slots.
    let config = config(host.tier, host.pooled.then_some(1));
    Engine::new(&config).map_err(|error| no_engine(&error))
}

fn no_engine(error: &wasmtime::Error) -> DriverError {
    let message = format!("no WebAssembly engine: {error:#}");
    DriverError::new(DriverCode::Io, "start", message)
}

fn make(tier: Tier) -> Result<Host> {
    for slots in SLOTS {
        if let Ok(engine) = Engine::new(&config(tier, Some(slots))) {
            return Ok(Host {
                engine,
                tier,
                pooled: true,
            });
        }
    }
    let engine = Engine::new(&config(tier, None)).map_err(|error| no_engine(&error))?;
    Ok(Host {
        engine,
        tier,
        pooled: false,
    })
}

fn config(tier: Tier, slots: Option<u32>) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .wasm_features(WasmFeatures::all().difference(COMPILED), false)
        .wasm_features(COMPILED, true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES_MAX)
        .memory_init_cow(true)
        // Nobody reads these: error messages name the export, and failing calls stay cheap.
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false);
    match tier {
        Tier::Quick => config
            .cranelift_opt_level(OptLevel::None)
            .cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass),
        Tier::Plain => config.cranelift_opt_level(OptLevel::Speed),
        Tier::Inlined => inlining(config.cranelift_opt_level(OptLevel::Speed)),
    };
    if let Some(slots) = slots {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(slots)));
    }
    config
}

/// Compilers of drivers leave arithmetic on wide integers to small functions of their own; without
/// calls the optimiser sees through them.
#[allow(unsafe_code)]
fn inlining(config: &mut Config) -> &mut Config {
    config.compiler_inlining(Inlining::Yes);
    // SAFETY: the method is unsafe because some flags change what compiled code assumes of its
    // surroundings. This one is a threshold of the inliner: it decides which calls are replaced by
    // the callee's body, and every value gives code of the same meaning.
    unsafe {
        config.cranelift_flag_set(
            "wasmtime_inlining_sum_size_threshold",
            &inlining::INLINED_SIZE_MAX.to_string(),
        )
    }
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
