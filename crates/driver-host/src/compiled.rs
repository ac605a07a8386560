//! A module ready to be instantiated, and the one function that compiles or loads it.

use std::path::PathBuf;
use std::sync::OnceLock;

use parking_lot::Mutex;
use wasmtime::{Engine, InstancePre, Linker, Module};

use crate::abi::ByteOrder;
use crate::check::{self, Report};
use crate::engine::Host;
use crate::error::{DriverCode, DriverError, Result};
use crate::limiter::Limiter;

/// A compiled driver. Everything in it follows from the module's bytes alone, so it may be shared
/// by everybody who loads the same bytes.
pub(crate) struct Compiled {
    pub(crate) host: &'static Host,
    /// SHA-256 of the module.
    pub(crate) hash: [u8; 32],
    /// Everything about instantiation that can be done once.
    pub(crate) pre: InstancePre<Limiter>,
    /// How this driver writes lengths, once somebody has asked it.
    pub(crate) order: OnceLock<ByteOrder>,
    /// Memory that an instance has from the start, bytes.
    pub(crate) memory_bytes_min: u64,
    /// Cache directories that have this module's code.
    pub(crate) stored_in: Mutex<Vec<PathBuf>>,
    /// Bytes of native code and data: what keeping this costs.
    pub(crate) image_bytes: usize,
}

impl Compiled {
    /// Checks `wasm` and compiles it.
    pub(crate) fn compile(host: &'static Host, wasm: &[u8], hash: [u8; 32]) -> Result<Self> {
        let report = accept(wasm).map_err(|error| error.of(hash))?;
        let module = compile(&host.engine, wasm).map_err(|error| error.of(hash))?;
        Self::link(host, &module, hash, &report)
    }

    /// Prepares a compiled module for instantiation.
    pub(crate) fn link(
        host: &'static Host,
        module: &Module,
        hash: [u8; 32],
        report: &Report,
    ) -> Result<Self> {
        let pre = Linker::new(&host.engine)
            .instantiate_pre(module)
            .map_err(|error| {
                DriverError::new(DriverCode::Rejected, "check", format!("{error:#}")).of(hash)
            })?;
        let image = module.image_range();
        Ok(Self {
            host,
            hash,
            pre,
            order: OnceLock::new(),
            stored_in: Mutex::new(Vec::new()),
            memory_bytes_min: report.memory_bytes_min,
            image_bytes: (image.end as usize).saturating_sub(image.start as usize),
        })
    }
}

/// The static check's verdict as an error.
pub(crate) fn accept(wasm: &[u8]) -> Result<Report> {
    let report = check::check(wasm);
    if report.faults.is_empty() {
        Ok(report)
    } else {
        Err(DriverError::new(
            DriverCode::Rejected,
            "check",
            report.to_string(),
        ))
    }
}

fn compile(engine: &Engine, wasm: &[u8]) -> Result<Module> {
    Module::from_binary(engine, wasm)
        .map_err(|error| DriverError::new(DriverCode::Rejected, "compile", format!("{error:#}")))
}
