//! Compiles modules a second time, well, while they are already in use.
//!
//! One thread of low priority does it for the whole process, one module after the other. It holds
//! nothing up: no call waits for it, and a process that ends does not either. Loading a driver with
//! [`Optimization::Full`](crate::Optimization::Full) does the same on the loading thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::cache;
use crate::compiled::{Code, Compiled, Improvement};
use crate::engine;
use crate::priority;

/// Compiling recurses; the compiler was made for the stack of a main thread.
const STACK_BYTES: usize = 8 << 20;

/// All other threads go first, but not so far that a busy machine never gets its better code: where
/// processors are short, this thread has about a fifth of what another has.
const PRIORITY: u8 = 30;

/// A pool of one thread: what the compiler would spread over the processors stays on it.
static THREAD: Mutex<Option<Arc<ThreadPool>>> = Mutex::new(None);

/// Has a module compiled well, in its turn, if a driver of it is still open then.
pub(crate) fn request(compiled: &Arc<Compiled>) {
    // Without a thread to be had, things stay as they are.
    let Some(thread) = thread() else { return };
    let waiting = Arc::downgrade(compiled);
    thread.spawn_fifo(move || turn(&waiting));
}

/// Sees to it that a module is compiled well, now, on this thread and the compiler's own.
pub(crate) fn complete(compiled: &Arc<Compiled>) {
    match compiled.claim() {
        Some(improvement) => improve(improvement),
        None => compiled.wait(),
    }
}

fn thread() -> Option<Arc<ThreadPool>> {
    let mut thread = THREAD.lock();
    if thread.is_none() {
        let made = ThreadPoolBuilder::new()
            .num_threads(1)
            .thread_name(|_| "driver-optimise".to_owned())
            .stack_size(STACK_BYTES)
            .start_handler(|_| priority::step_back(PRIORITY))
            .panic_handler(|_| {})
            .build();
        *thread = made.ok().map(Arc::new);
    }
    thread.clone()
}

fn turn(compiled: &Weak<Compiled>) {
    let Some(compiled) = compiled.upgrade() else {
        return;
    };
    if !compiled.is_used() {
        compiled.measure_again();
        return;
    }
    let improvement = compiled.claim();
    // Those who wait are told by the improvement, which then is all that holds the module here.
    drop(compiled);
    if let Some(improvement) = improvement {
        improve(improvement);
    }
}

/// Compiles a module well. A failure leaves the code that there is, which does the same.
fn improve(improvement: Improvement) {
    let compiled = &improvement.compiled;
    let compile = || Code::compile(engine::host(compiled.facts.target)?, &compiled.wasm);
    if let Ok(Ok(code)) = catch_unwind(AssertUnwindSafe(compile)) {
        compiled.install(code);
        cache::improved(compiled);
    }
}
