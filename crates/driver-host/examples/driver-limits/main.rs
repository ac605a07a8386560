//! The least that loading a driver and starting an instance cost on this machine: rows called `limit`
//! of the suite `driver` of `npm run bench`.
//!
//! Wasmtime alone, set as the driver host sets it: no static check, no identity, no limits of memory
//! or time that anyone enforces, no exports looked up that a command does not call, no buffers kept,
//! nothing cached, and no JavaScript.
//!
//! It obeys commands on standard input, one a line, and answers each with one line of JSON:
//!
//! ```text
//! module PATH      reads a module, and makes it ready for instances
//! compile TIMES    compiles it as the first code of a driver is compiled; the code is not loaded
//! find TIMES       one hash over its bytes, a new instance, its init
//! version TIMES    a new instance, its init, room for an answer, get_version
//! ```

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write, stdin, stdout};
use std::time::Instant;

use wasmtime::{
    Config, Enabled, Engine, Instance, InstanceAllocationStrategy, InstancePre, Linker, Module,
    OptLevel, PoolingAllocationConfig, RegallocAlgorithm, Store, Strategy,
};

/// Slots of the pool: a few, for there is one instance at a time.
const SLOTS: u32 = 10;
/// Room for a version, and for aligning it.
const ANSWER_BYTES: u32 = 4096;
const ALIGNMENT: u32 = 16;

type Answer = Result<String, Box<dyn Error>>;

/// A module, and all about its instances that can be done once.
struct Known {
    wasm: Vec<u8>,
    engine: Engine,
    ready: InstancePre<()>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let compiler = Engine::new(&config(false))?;
    let mut known = None;
    for line in stdin().lock().lines() {
        let line = line?;
        let answer = obey(&line, &compiler, &mut known)
            .unwrap_or_else(|error| format!("{{\"error\":{:?}}}", format!("{line}: {error}")));
        writeln!(stdout(), "{answer}")?;
    }
    Ok(())
}

fn obey(line: &str, compiler: &Engine, known: &mut Option<Known>) -> Answer {
    let (command, word) = line.split_once(' ').ok_or("a word is missing")?;
    if command == "module" {
        *known = Some(Known::read(word)?);
        return Ok("{}".into());
    }
    let times = word.parse()?;
    let known = known.as_ref().ok_or("there is no module yet")?;
    match command {
        "compile" => timed(times, || {
            black_box(compiler.precompile_module(&known.wasm)?);
            Ok(())
        }),
        "find" => timed(times, || {
            black_box(blake3::hash(black_box(&known.wasm)));
            known.start().map(drop)
        }),
        "version" => timed(times, || known.version()),
        other => Err(format!("unknown command {other}").into()),
    }
}

impl Known {
    fn read(path: &str) -> Result<Self, Box<dyn Error>> {
        let wasm = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
        let engine = Engine::new(&config(true))?;
        let module = Module::new(&engine, &wasm)?;
        let ready = Linker::new(&engine).instantiate_pre(&module)?;
        Ok(Self {
            wasm,
            engine,
            ready,
        })
    }

    /// A new instance that has run its `init`.
    fn start(&self) -> Result<(Store<()>, Instance), Box<dyn Error>> {
        let mut store = Store::new(&self.engine, ());
        // A deadline that never comes: the clock stands still here.
        store.set_epoch_deadline(1);
        let instance = self.ready.instantiate(&mut store)?;
        let init = instance.get_typed_func::<(), ()>(&mut store, "init")?;
        init.call(&mut store, ())?;
        Ok((store, instance))
    }

    fn version(&self) -> Result<(), Box<dyn Error>> {
        let (mut store, instance) = self.start()?;
        let alloc = instance.get_typed_func::<u32, u32>(&mut store, "alloc")?;
        let room = alloc.call(&mut store, ANSWER_BYTES + ALIGNMENT)?;
        let at = room.next_multiple_of(ALIGNMENT);
        let ask = instance.get_typed_func::<(u32, u32), i32>(&mut store, "get_version")?;
        match ask.call(&mut store, (at, ANSWER_BYTES))? {
            0 => {
                let memory = instance.get_memory(&mut store, "memory");
                let memory = memory.ok_or("the module exports no memory")?;
                let answer = memory.data(&store).get(at as usize..);
                black_box(answer.ok_or("the answer is outside the memory")?);
                Ok(())
            }
            code => Err(format!("get_version answers {code}").into()),
        }
    }
}

/// As `src/engine.rs` has it, but for the features: these decide what is accepted, not what becomes of it.
fn config(well: bool) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(SLOTS)
        .total_memories(SLOTS)
        .total_tables(SLOTS)
        .max_memories_per_module(1)
        .max_tables_per_module(1)
        .table_elements(16 << 10)
        .max_core_instance_size(2 << 20)
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .epoch_interruption(true)
        .max_wasm_stack(512 << 10)
        .memory_init_cow(true)
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    if well {
        config.cranelift_opt_level(OptLevel::Speed);
    } else {
        config
            .cranelift_opt_level(OptLevel::None)
            .cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
    }
    config
}

fn timed(times: u32, mut work: impl FnMut() -> Result<(), Box<dyn Error>>) -> Answer {
    let mut ns = Vec::new();
    for _ in 0..times {
        let start = Instant::now();
        work()?;
        ns.push(start.elapsed().as_nanos());
    }
    Ok(format!("{{\"ns\":{ns:?}}}"))
}
