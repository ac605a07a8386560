//! A module that was compiled, and how its code gets better while it is in use.
//!
//! The first code is compiled quickly. Once calls have spent some time in it, the module is
//! compiled again, well, on a thread of its own; from then on every new instance runs that, and old
//! ones are replaced at their next call. Both do the same, for WebAssembly leaves nothing open.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use wasmtime::{InstancePre, Linker, Module};

use crate::abi::ByteOrder;
use crate::check::{self, Report};
use crate::disk::Directory;
use crate::engine::{self, Host, Tier};
use crate::error::{DriverCode, DriverError, Result};
use crate::instance::Exports;
use crate::limiter::Limiter;
use crate::wide_multiplication;

/// Time spent in quickly compiled code after which compiling it well pays.
const PAYS_AFTER: Duration = Duration::from_millis(20);

/// Code of a module, compiled in one way.
pub(crate) struct Code {
    pub(crate) host: &'static Host,
    /// Everything about instantiation that can be done once.
    pub(crate) pre: InstancePre<Limiter>,
    pub(crate) exports: Exports,
    /// Bytes of native code and data: what keeping this costs.
    pub(crate) image_bytes: usize,
}

impl Code {
    /// Compiles a module that the static check has accepted.
    pub(crate) fn compile(host: &'static Host, wasm: &[u8]) -> Result<Self> {
        let wasm = wide_multiplication::by_the_processor(wasm);
        // What the compiler needed goes with it, before the code is loaded.
        let image = engine::compiler(host)?.precompile_module(&wasm);
        if host.tier == Tier::Inlined {
            give_back();
        }
        Self::load(host, &image.map_err(|error| refused(&error))?)
    }

    /// Loads native code and prepares it for instantiation. The one place where bytes become
    /// executable: `image` must be what an engine of ours made, unchanged.
    #[allow(unsafe_code)]
    pub(crate) fn load(host: &'static Host, image: &[u8]) -> Result<Self> {
        // SAFETY: the bytes must be what wasmtime's compiler made. There are two callers. One has just
        // got them from it. The other has compared a keyed hash over these very bytes in memory (not
        // over a file that may change afterwards) with one that only a holder of this user's private
        // key can make, and the only code that makes one is `Directory::store`, over what
        // `Module::serialize` returned.
        let module = unsafe { Module::deserialize(&host.engine, image) };
        let module = module.map_err(|error| refused(&error))?;
        let pre = Linker::new(&host.engine)
            .instantiate_pre(&module)
            .map_err(|error| {
                DriverError::new(DriverCode::Rejected, "check", format!("{error:#}"))
            })?;
        let exports = Exports::of(&module)?;
        let image = module.image_range();
        let image_bytes = (image.end as usize).saturating_sub(image.start as usize);
        Ok(Self {
            host,
            pre,
            exports,
            image_bytes,
        })
    }
}

fn refused(error: &wasmtime::Error) -> DriverError {
    DriverError::new(DriverCode::Rejected, "compile", format!("{error:#}"))
}

/// Returns to the system what the allocator keeps of hundreds of MiB that inlining needed for a
/// moment: it would stay with this process for good.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
fn give_back() {
    // SAFETY: this takes no memory of ours, and may be called by any thread at any time.
    unsafe { libc::malloc_trim(0) };
}

/// Other systems' allocators do so on their own.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_back() {}

/// What follows from a module's bytes alone, beside its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    /// SHA-256 of the module.
    pub(crate) hash: [u8; 32],
    /// Memory that an instance has from the start, bytes.
    pub(crate) memory_bytes_min: u64,
    /// How it is compiled in the end.
    pub(crate) target: Tier,
}

/// How far the second compilation is.
enum Progress {
    /// Not begun.
    Possible,
    Running,
    /// Done, or given up: the code stays what it is.
    Ended,
}

/// The second compilation, as those who wait for it see it.
struct Second {
    progress: Mutex<Progress>,
    /// Signalled when it ends.
    ended: Condvar,
}

/// A compiled driver, shared by everybody who loads the same bytes.
pub(crate) struct Compiled {
    pub(crate) facts: Facts,
    /// The module, by which this is found, and which is compiled again.
    pub(crate) wasm: Arc<[u8]>,
    /// How this driver writes lengths, once somebody has asked it.
    pub(crate) order: OnceLock<ByteOrder>,
    /// Cache directories that want this module's code.
    pub(crate) directories: Mutex<Vec<Arc<Directory>>>,
    /// Drivers that are open: without any, better code is not worth making.
    users: AtomicUsize,
    code: Mutex<Arc<Code>>,
    /// The tier of `code`, for a look without the lock.
    tier: AtomicU8,
    /// Whether time spent in calls should be counted.
    measuring: AtomicBool,
    spent_ns: AtomicU64,
    second: Arc<Second>,
}

impl Compiled {
    pub(crate) fn new(facts: Facts, code: Code, wasm: Arc<[u8]>) -> Self {
        let done = code.host.tier == facts.target;
        Self {
            facts,
            wasm,
            order: OnceLock::new(),
            directories: Mutex::new(Vec::new()),
            users: AtomicUsize::new(0),
            tier: AtomicU8::new(code.host.tier as u8),
            code: Mutex::new(Arc::new(code)),
            measuring: AtomicBool::new(!done),
            spent_ns: AtomicU64::new(0),
            second: Arc::new(Second {
                progress: Mutex::new(if done {
                    Progress::Ended
                } else {
                    Progress::Possible
                }),
                ended: Condvar::new(),
            }),
        }
    }

    /// The best code there is now.
    pub(crate) fn code(&self) -> Arc<Code> {
        Arc::clone(&self.code.lock())
    }

    /// Whether code of that tier is the best there is.
    #[inline]
    pub(crate) fn is_current(&self, tier: Tier) -> bool {
        self.tier.load(Ordering::Relaxed) == tier as u8
    }

    /// Whether the code is as good as this module's is made.
    pub(crate) fn is_optimised(&self) -> bool {
        self.is_current(self.facts.target)
    }

    /// What keeping this costs, bytes: native code, and the module.
    pub(crate) fn bytes(&self) -> usize {
        self.code().image_bytes.saturating_add(self.wasm.len())
    }

    /// Counts a driver that is opened.
    pub(crate) fn enter(&self) {
        self.users.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a driver that is closed.
    pub(crate) fn leave(&self) {
        self.users.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether any driver is open.
    pub(crate) fn is_used(&self) -> bool {
        self.users.load(Ordering::Relaxed) > 0
    }

    /// Whether [`Compiled::spent`] wants to know.
    #[inline]
    pub(crate) fn is_measuring(&self) -> bool {
        self.measuring.load(Ordering::Relaxed)
    }

    /// Counts time spent in calls. True once, when compiling well begins to pay.
    #[cold]
    pub(crate) fn spent(&self, time: Duration) -> bool {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let before = self.spent_ns.fetch_add(time, Ordering::Relaxed);
        Duration::from_nanos(before.saturating_add(time)) >= PAYS_AFTER
            && self.measuring.swap(false, Ordering::Relaxed)
    }

    /// Counts from nothing again: what was asked for was not worth doing after all.
    pub(crate) fn measure_again(&self) {
        self.spent_ns.store(0, Ordering::Relaxed);
        self.measuring.store(true, Ordering::Relaxed);
    }

    /// The second compilation, for whoever asks first; `None` where it runs or has ended.
    pub(crate) fn claim(self: &Arc<Self>) -> Option<Improvement> {
        let mut progress = self.second.progress.lock();
        match std::mem::replace(&mut *progress, Progress::Running) {
            Progress::Possible => {
                self.measuring.store(false, Ordering::Relaxed);
                Some(Improvement {
                    compiled: Arc::clone(self),
                    _end: End(Arc::clone(&self.second)),
                })
            }
            other => {
                *progress = other;
                None
            }
        }
    }

    /// Uses other code from now on, in new instances.
    pub(crate) fn install(&self, code: Code) {
        let tier = code.host.tier as u8;
        *self.code.lock() = Arc::new(code);
        self.tier.store(tier, Ordering::Relaxed);
    }

    /// Waits for a second compilation that runs.
    pub(crate) fn wait(&self) {
        let mut progress = self.second.progress.lock();
        while matches!(*progress, Progress::Running) {
            self.second.ended.wait(&mut progress);
        }
    }
}

/// The duty to compile a module a second time; however it ends, those who wait go on.
pub(crate) struct Improvement {
    pub(crate) compiled: Arc<Compiled>,
    // Dropped last: whoever has waited finds that the module is not held here any more.
    _end: End,
}

/// Ends a second compilation when dropped.
struct End(Arc<Second>);

impl Drop for End {
    fn drop(&mut self) {
        *self.0.progress.lock() = Progress::Ended;
        self.0.ended.notify_all();
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
