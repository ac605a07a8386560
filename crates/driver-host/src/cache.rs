//! Compiled code, shared by everybody in the process who loads the same bytes.
//!
//! A module's own bytes find what was loaded before; its SHA-256, the identity that users see, is
//! computed once. A module is compiled once, by the first who asks, while others wait for that. What
//! no driver uses any more is kept up to a number of bytes, least recently used first to go.

use std::sync::{Arc, LazyLock};

use lru::LruCache;
use parking_lot::{Condvar, Mutex};
use sha2::{Digest, Sha256};

use crate::alive::{Alive, Sketch};
use crate::compiled::{Code, Compiled, Facts, accept};
use crate::disk::Directory;
use crate::engine::{self, Tier};
use crate::error::{DriverCode, DriverError, Result};
use crate::optimiser;
use crate::options::{Optimization, Options};

/// Native code that is kept in memory, bytes, unless [`set_code_cache_bytes_max`] says otherwise.
pub const CODE_CACHE_BYTES_DEFAULT: usize = 256 << 20;

/// SHA-256 of a module.
type ModuleHash = [u8; 32];

/// Modules that [`find`] compares at most: those that are asked for on an event loop must not hold it up,
/// however alike somebody made them.
const COMPARED_MAX: usize = 4;

/// A module on its way to becoming a driver.
///
/// Whoever only borrows the bytes for a moment (an event loop's, which must not wait for a compiler)
/// makes one, and loads it elsewhere. Where the process has the module compiled, which is found out by
/// comparing, its bytes are not even copied.
pub struct Source(Origin);

enum Origin {
    Compiled(Arc<Compiled>),
    Bytes(Arc<[u8]>),
}

impl Source {
    /// Reads a module's bytes. Nothing is checked yet.
    pub fn new(wasm: &[u8]) -> Self {
        let compiled = find(wasm).map(Origin::Compiled);
        Self(compiled.unwrap_or_else(|| Origin::Bytes(wasm.into())))
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let wasm = match &self.0 {
            Origin::Compiled(compiled) => &compiled.wasm,
            Origin::Bytes(wasm) => wasm,
        };
        f.debug_struct("Source")
            .field("bytes", &wasm.len())
            .finish_non_exhaustive()
    }
}

/// What the process-wide cache of compiled code has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CodeCacheMetrics {
    /// Loads that found the module compiled in memory.
    pub hits: u64,
    /// Modules that were compiled.
    pub compilations: u64,
    /// Modules that were compiled a second time, well, because they were used.
    pub optimisations: u64,
    /// Modules that were loaded from a cache directory instead.
    pub disk_hits: u64,
    /// Files of a cache directory that were refused: damaged, tampered with, or unreadable.
    pub disk_rejections: u64,
    /// Files that could not be written to a cache directory.
    pub disk_failures: u64,
    /// Modules dropped because the cache was full.
    pub evictions: u64,
    /// Native code that is kept now, bytes.
    pub bytes: u64,
    /// Modules that are kept now.
    pub modules: u64,
}

struct State {
    /// With the bytes that each was counted with: its code may become larger.
    kept: LruCache<ModuleHash, (Arc<Compiled>, usize)>,
    bytes: usize,
    bytes_max: usize,
    /// Everything that lives, kept or only in use.
    alive: Alive,
    /// What some thread is compiling now. Modules with the same sketch wait for each other.
    compiling: Vec<Sketch>,
    counts: CodeCacheMetrics,
}

struct Cache {
    state: Mutex<State>,
    /// Signalled when a compilation ends, well or badly.
    ended: Condvar,
}

static CACHE: LazyLock<Cache> = LazyLock::new(|| Cache {
    state: Mutex::new(State {
        kept: LruCache::unbounded(),
        bytes: 0,
        bytes_max: CODE_CACHE_BYTES_DEFAULT,
        alive: Alive::default(),
        compiling: Vec::new(),
        counts: CodeCacheMetrics::default(),
    }),
    ended: Condvar::new(),
});

/// Sets how much native code is kept in memory, bytes. Zero keeps none but what drivers use.
pub fn set_code_cache_bytes_max(bytes_max: usize) {
    let mut state = CACHE.state.lock();
    state.bytes_max = bytes_max;
    state.shrink();
}

/// Counters of the process-wide cache of compiled code.
pub fn code_cache_metrics() -> CodeCacheMetrics {
    let state = CACHE.state.lock();
    let mut counts = state.counts;
    counts.bytes = state.bytes as u64;
    counts.modules = state.kept.len() as u64;
    counts
}

/// The compiled module with these bytes, if there is one. Compares, and neither hashes nor copies, the
/// module; may miss one where many are alike.
pub(crate) fn find(wasm: &[u8]) -> Option<Arc<Compiled>> {
    let candidates = CACHE.state.lock().alive.candidates(Sketch::of(wasm));
    let mut compared = candidates.into_iter().take(COMPARED_MAX);
    let found = compared.find(|module| *module.wasm == *wasm)?;
    CACHE.state.lock().hit(&found);
    Some(found)
}

/// The compiled module for `source`, from memory, from disk, or compiled now.
pub(crate) fn load(source: Source, options: &Options) -> Result<Arc<Compiled>> {
    let directory = options
        .cache_dir
        .as_deref()
        .map(Directory::open)
        .transpose()?;
    let compiled = match source.0 {
        Origin::Compiled(compiled) => compiled,
        Origin::Bytes(wasm) => compile_once(wasm, options, directory.as_ref())?,
    };
    expect(options, compiled.facts.hash)?;
    if options.optimization == Optimization::Full {
        optimiser::complete(&compiled);
    }
    if let Some(directory) = directory {
        persist(&compiled, directory);
    }
    Ok(compiled)
}

fn expect(options: &Options, hash: [u8; 32]) -> Result<()> {
    match options.expected_hash {
        Some(expected) if expected != hash => {
            let message = "the module is not the expected one";
            Err(DriverError::new(DriverCode::HashMismatch, "check", message).of(hash))
        }
        _ => Ok(()),
    }
}

fn compile_once(
    wasm: Arc<[u8]>,
    options: &Options,
    directory: Option<&Directory>,
) -> Result<Arc<Compiled>> {
    let sketch = Sketch::of(&wasm);
    if let Some(found) = find_or_claim(sketch, &wasm) {
        return Ok(found);
    }
    let _claim = Claim(sketch);
    let hash: ModuleHash = Sha256::digest(&wasm).into();
    expect(options, hash)?;
    let made =
        produce(&wasm, hash, directory, options.optimization).map_err(|error| error.of(hash))?;
    let made = Arc::new(made);
    CACHE.state.lock().insert(sketch, &made);
    Ok(made)
}

/// Finds a module, waiting for whoever is compiling it; `None`: the caller must compile it now.
fn find_or_claim(sketch: Sketch, wasm: &[u8]) -> Option<Arc<Compiled>> {
    let mut state = CACHE.state.lock();
    loop {
        let candidates = state.alive.candidates(sketch);
        if let Some(found) = candidates.iter().find(|module| *module.wasm == *wasm) {
            state.hit(found);
            return Some(Arc::clone(found));
        }
        if !state.compiling.contains(&sketch) {
            state.compiling.push(sketch);
            return None;
        }
        CACHE.ended.wait(&mut state);
    }
}

/// The duty to compile a module; given up when dropped, so that a failure (or a panic) lets the
/// next in line try.
struct Claim(Sketch);

impl Drop for Claim {
    fn drop(&mut self) {
        CACHE
            .state
            .lock()
            .compiling
            .retain(|other| *other != self.0);
        CACHE.ended.notify_all();
    }
}

/// Loads a module from the directory, or compiles it: quickly, unless the caller wants to wait.
fn produce(
    wasm: &Arc<[u8]>,
    hash: ModuleHash,
    directory: Option<&Directory>,
    optimization: Optimization,
) -> Result<Compiled> {
    if let Some(directory) = directory {
        let found = directory.load(hash)?;
        let mut state = CACHE.state.lock();
        state.counts.disk_rejections += found.refused;
        if let Some((facts, code)) = found.code {
            state.counts.disk_hits += 1;
            return Ok(Compiled::new(facts, code, Arc::clone(wasm)));
        }
    }
    let report = accept(wasm)?;
    let target = Tier::target(report.functions, wasm);
    let tier = match optimization {
        Optimization::Full => target,
        Optimization::Tiered | Optimization::Quick => Tier::Quick,
    };
    CACHE.state.lock().counts.compilations += 1;
    let code = Code::compile(engine::host(tier)?, wasm)?;
    let facts = Facts {
        hash,
        memory_bytes_min: report.memory_bytes_min,
        target,
    };
    Ok(Compiled::new(facts, code, Arc::clone(wasm)))
}

/// Sees to it that the directory has the module's code, now and when there is better code.
fn persist(compiled: &Compiled, directory: Directory) {
    let mut directories = compiled.directories.lock();
    if directories
        .iter()
        .any(|known| known.path() == directory.path())
    {
        return;
    }
    let directory = Arc::new(directory);
    directories.push(Arc::clone(&directory));
    drop(directories);
    if !directory.has(compiled) {
        store(compiled, &directory);
    }
}

/// A full disk is no reason to refuse a driver: the failure is counted.
fn store(compiled: &Compiled, directory: &Directory) {
    if directory.store(compiled).is_err() {
        CACHE.state.lock().counts.disk_failures += 1;
    }
}

/// A module's second compilation ended.
pub(crate) fn improved(compiled: &Arc<Compiled>) {
    let mut state = CACHE.state.lock();
    state.counts.optimisations += 1;
    state.recount(compiled);
    drop(state);
    let directories = compiled.directories.lock().clone();
    for directory in directories {
        store(compiled, &directory);
    }
}

impl State {
    /// Counts a module that was found, and keeps it.
    fn hit(&mut self, found: &Arc<Compiled>) {
        self.counts.hits += 1;
        if self.kept.get(&found.facts.hash).is_none() {
            self.keep(found);
        }
    }

    fn insert(&mut self, sketch: Sketch, made: &Arc<Compiled>) {
        self.alive.insert(sketch, made);
        self.keep(made);
    }

    fn keep(&mut self, compiled: &Arc<Compiled>) {
        let bytes = compiled.bytes();
        let kept = (Arc::clone(compiled), bytes);
        let replaced = self.kept.put(compiled.facts.hash, kept);
        let before = replaced.map_or(0, |(_, bytes)| bytes);
        self.bytes = self.bytes.saturating_sub(before).saturating_add(bytes);
        self.shrink();
    }

    /// Counts a module with the size of the code that it has now.
    fn recount(&mut self, compiled: &Arc<Compiled>) {
        let now = compiled.bytes();
        if let Some((_, counted)) = self.kept.peek_mut(&compiled.facts.hash) {
            self.bytes = self.bytes.saturating_sub(*counted).saturating_add(now);
            *counted = now;
        }
        self.shrink();
    }

    fn shrink(&mut self) {
        while self.bytes > self.bytes_max {
            let Some((_, (_, bytes))) = self.kept.pop_lru() else {
                break;
            };
            self.bytes = self.bytes.saturating_sub(bytes);
            self.counts.evictions += 1;
        }
    }
}
