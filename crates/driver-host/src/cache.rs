//! Compiled code, shared by everybody in the process who loads the same bytes.
//!
//! A fast hash of the module finds what was loaded before; its SHA-256, the identity that users
//! see, is computed once. A module is compiled once, by the first who asks, while others wait for
//! that. What no driver uses any more is kept up to a number of bytes, least recently used first
//! to go.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};

use lru::LruCache;
use parking_lot::{Condvar, Mutex};
use sha2::{Digest, Sha256};

use crate::compiled::{Code, Compiled, Facts, accept};
use crate::disk::Directory;
use crate::engine::{self, Tier};
use crate::error::{DriverCode, DriverError, Result};
use crate::optimiser;
use crate::options::{Optimization, Options};

/// Native code that is kept in memory, bytes, unless [`set_code_cache_bytes_max`] says otherwise.
pub const CODE_CACHE_BYTES_DEFAULT: usize = 256 << 20;

/// A fast hash of a module's bytes, only ever compared within this process.
type Fingerprint = [u8; 32];

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
    kept: LruCache<Fingerprint, (Arc<Compiled>, usize)>,
    bytes: usize,
    bytes_max: usize,
    /// Everything that lives, kept or only in use.
    alive: HashMap<Fingerprint, Weak<Compiled>>,
    /// What some thread is compiling now.
    compiling: Vec<Fingerprint>,
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
        alive: HashMap::new(),
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

/// The compiled module for `wasm`, from memory, from disk, or compiled now.
pub(crate) fn load(wasm: &[u8], options: &Options) -> Result<Arc<Compiled>> {
    let directory = options
        .cache_dir
        .as_deref()
        .map(Directory::open)
        .transpose()?;
    let fingerprint = *blake3::hash(wasm).as_bytes();
    let compiled = match find_or_claim(&fingerprint) {
        Some(compiled) => compiled,
        None => {
            let claim = Claim(fingerprint);
            let hash: [u8; 32] = Sha256::digest(wasm).into();
            expect(options, hash)?;
            let made = produce(wasm, hash, directory.as_ref(), options.optimization)
                .map_err(|error| error.of(hash))?;
            let made = Arc::new(made);
            CACHE.state.lock().insert(fingerprint, &made);
            drop(claim);
            made
        }
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

/// Finds a module, waiting for whoever is compiling it; `None`: the caller must compile it now.
fn find_or_claim(fingerprint: &Fingerprint) -> Option<Arc<Compiled>> {
    let mut state = CACHE.state.lock();
    loop {
        if let Some(found) = state.find(fingerprint) {
            state.counts.hits += 1;
            return Some(found);
        }
        if !state.compiling.contains(fingerprint) {
            state.compiling.push(*fingerprint);
            return None;
        }
        CACHE.ended.wait(&mut state);
    }
}

/// The duty to compile a module; given up when dropped, so that a failure (or a panic) lets the
/// next in line try.
struct Claim(Fingerprint);

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
    wasm: &[u8],
    hash: [u8; 32],
    directory: Option<&Directory>,
    optimization: Optimization,
) -> Result<Compiled> {
    if let Some(directory) = directory {
        let found = directory.load(hash)?;
        let mut state = CACHE.state.lock();
        state.counts.disk_rejections += found.refused;
        if let Some((facts, code)) = found.code {
            state.counts.disk_hits += 1;
            return Ok(Compiled::new(facts, code, wasm));
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
    Ok(Compiled::new(facts, code, wasm))
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
    fn find(&mut self, fingerprint: &Fingerprint) -> Option<Arc<Compiled>> {
        if let Some((kept, _)) = self.kept.get(fingerprint) {
            return Some(Arc::clone(kept));
        }
        let found = self.alive.get(fingerprint).and_then(Weak::upgrade)?;
        self.keep(*fingerprint, &found);
        Some(found)
    }

    fn insert(&mut self, fingerprint: Fingerprint, made: &Arc<Compiled>) {
        self.alive.retain(|_, weak| weak.strong_count() > 0);
        self.alive.insert(fingerprint, Arc::downgrade(made));
        self.keep(fingerprint, made);
    }

    fn keep(&mut self, fingerprint: Fingerprint, compiled: &Arc<Compiled>) {
        let bytes = compiled.bytes();
        let replaced = self.kept.put(fingerprint, (Arc::clone(compiled), bytes));
        let before = replaced.map_or(0, |(_, bytes)| bytes);
        self.bytes = self.bytes.saturating_sub(before).saturating_add(bytes);
        self.shrink();
    }

    /// Counts a module with the size of the code that it has now.
    fn recount(&mut self, compiled: &Arc<Compiled>) {
        let now = compiled.bytes();
        let kept = self.kept.iter_mut().map(|(_, kept)| kept);
        if let Some((_, counted)) = kept
            .into_iter()
            .find(|(kept, _)| Arc::ptr_eq(kept, compiled))
        {
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
