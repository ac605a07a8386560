//! Many conversions at once, spread over a pool of native threads: results in order, an error for
//! each item that fails.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::abi::Operation;
use crate::driver::Driver;
use crate::error::{DriverCode, DriverError, Result};
use crate::inner::{Inner, Session};
use crate::priority;

/// Items that a thread takes at a time: enough to make the taking cheap, few enough to spread.
const CHUNK_ITEMS_MAX: usize = 256;
/// The stack of a pool thread, bytes: WebAssembly's own and room for ours.
const THREAD_STACK_BYTES: usize = 2 << 20;
/// How far pool threads stand back, 0 to 99: where processors are short, the thread that hands them
/// work and hands out their results, which in Node is the event loop's, has about two and a half
/// times what one of them has, and does not wait for them to finish a time slice.
const PRIORITY: u8 = 36;
/// More threads than this are a mistake.
const THREADS_MAX: usize = 1024;

/// What a batch converts. Implement it to hand over data in whatever shape it already has.
pub trait Items: Send + Sync {
    /// How many items there are.
    fn len(&self) -> usize;

    /// The name (of the function or event) and the data of an item below [`Items::len`].
    fn item(&self, index: usize) -> (&str, &[u8]);

    /// Whether there is nothing to do.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One conversion of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Item {
    /// The function or event.
    pub name: String,
    /// JSON text to encode, or bytes to decode.
    pub data: Vec<u8>,
}

impl Items for [Item] {
    fn len(&self) -> usize {
        <[Item]>::len(self)
    }

    fn item(&self, index: usize) -> (&str, &[u8]) {
        self.get(index)
            .map_or(("", &[]), |item| (&item.name, &item.data))
    }
}

impl Items for Vec<Item> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn item(&self, index: usize) -> (&str, &[u8]) {
        self.as_slice().item(index)
    }
}

/// The result of one conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// JSON, of a decoding.
    Text(String),
    /// rkyv, of an encoding.
    Bytes(Vec<u8>),
}

impl Output {
    /// The bytes of either kind.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// The results of a batch in one piece of memory: few allocations, and few values to hand on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packed {
    /// All outputs, one after the other; of decodings this is UTF-8 text.
    pub bytes: Vec<u8>,
    /// Where each output ends in `bytes`; that of a failed item is empty.
    pub ends: Vec<usize>,
    /// The items that failed, by index, ascending.
    pub errors: Vec<(usize, DriverError)>,
    /// The items that were not run because the others had taken as much room as there was, ascending. Their
    /// outputs are empty; run again, at least one more of them is.
    pub left: Vec<usize>,
}

/// Room for the outputs of a batch, which all of its threads take from.
struct Room {
    taken: AtomicUsize,
    bytes_max: usize,
}

impl Room {
    fn is_full(&self) -> bool {
        self.taken.load(Ordering::Relaxed) >= self.bytes_max
    }

    fn take(&self, bytes: usize) {
        self.taken.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Tells a running batch to stop: items that have not begun give `ABORTED`. Clones are the same
/// flag.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl From<Arc<AtomicBool>> for Cancel {
    /// A flag that others have: it is raised when it is true.
    fn from(flag: Arc<AtomicBool>) -> Self {
        Self(flag)
    }
}

impl Cancel {
    /// A flag that is not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the flag. It stays raised.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the flag is raised.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

static POOL: Mutex<Option<Arc<ThreadPool>>> = Mutex::new(None);

/// How many threads batches use: as many as there are processors, unless set otherwise.
pub fn pool_threads() -> usize {
    POOL.lock()
        .as_ref()
        .map_or_else(default_threads, |pool| pool.current_num_threads())
}

/// Sets how many threads batches use from now on, for the whole process. Batches that run go on
/// with what they had.
///
/// # Errors
/// `BAD_ARGUMENT` for zero or more than 1024; `INTERNAL_IO` where the threads cannot be started.
pub fn set_pool_threads(threads: usize) -> Result<()> {
    if threads == 0 || threads > THREADS_MAX {
        let message = format!("{threads} threads: between 1 and {THREADS_MAX}, please");
        return Err(DriverError::new(DriverCode::BadArgument, "batch", message));
    }
    let made = make_pool(threads)?;
    *POOL.lock() = Some(made);
    Ok(())
}

fn default_threads() -> usize {
    std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(THREADS_MAX)
}

fn make_pool(threads: usize) -> Result<Arc<ThreadPool>> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("driver-{index}"))
        .stack_size(THREAD_STACK_BYTES)
        .start_handler(|_| priority::step_back(PRIORITY))
        // Bodies catch their own panics; what still gets here must not end the process.
        .panic_handler(|_| {})
        .build()
        .map(Arc::new)
        .map_err(|error| DriverError::new(DriverCode::Io, "batch", format!("no threads: {error}")))
}

fn pool() -> Result<Arc<ThreadPool>> {
    let mut pool = POOL.lock();
    match &*pool {
        Some(pool) => Ok(Arc::clone(pool)),
        None => Ok(Arc::clone(pool.insert(make_pool(default_threads())?))),
    }
}

impl Driver {
    /// Converts all items on the pool and waits for them. The results are in the items' order. All of them are held
    /// at once, and each may have as many bytes as the driver's limits allow one call to give.
    ///
    /// # Errors
    /// For each item, those of the single call; `ABORTED` where `cancel` was raised before it
    /// began.
    pub fn run(
        &self,
        operation: Operation,
        items: &(impl Items + ?Sized),
        cancel: &Cancel,
    ) -> Vec<Result<Output>> {
        let parts = spread(items.len(), |range| {
            chunk(&self.0, operation, items, cancel, range)
        });
        match parts {
            Ok(parts) => parts.into_iter().flatten().collect(),
            Err(error) => (0..items.len()).map(|_| Err(error.clone())).collect(),
        }
    }

    /// As [`Driver::run`], with the results packed into one piece of memory.
    ///
    /// A driver may answer every item with as many bytes as one call may give, which nobody has room for: once the
    /// outputs and the texts of errors take `bytes_max`, no other item begins ([`Packed::left`]). What has begun by
    /// then, one item a thread, is finished.
    ///
    /// # Errors
    /// `INTERNAL_IO` where the pool cannot be started; everything else is an item's.
    pub fn run_packed(
        &self,
        operation: Operation,
        items: &(impl Items + ?Sized),
        bytes_max: usize,
        cancel: &Cancel,
    ) -> Result<Packed> {
        let room = Room {
            taken: AtomicUsize::new(0),
            bytes_max: bytes_max.max(1),
        };
        let parts = spread(items.len(), |range| {
            pack(&self.0, operation, items, &room, cancel, range)
        })?;
        Ok(join(parts))
    }

    /// As [`Driver::run`], without waiting: `done` gets the results on a thread of the pool.
    ///
    /// # Errors
    /// `INTERNAL_IO` where the pool cannot be started; `done` is then not called.
    pub fn spawn(
        &self,
        operation: Operation,
        items: impl Items + 'static,
        cancel: Cancel,
        done: impl FnOnce(Vec<Result<Output>>) + Send + 'static,
    ) -> Result<()> {
        let driver = self.clone();
        pool()?.spawn(move || done(driver.run(operation, &items, &cancel)));
        Ok(())
    }

    /// As [`Driver::run_packed`], without waiting: `done` gets the results on a thread of the pool.
    ///
    /// # Errors
    /// `INTERNAL_IO` where the pool cannot be started; `done` is then not called.
    pub fn spawn_packed(
        &self,
        operation: Operation,
        items: impl Items + 'static,
        bytes_max: usize,
        cancel: Cancel,
        done: impl FnOnce(Result<Packed>) + Send + 'static,
    ) -> Result<()> {
        let driver = self.clone();
        pool()?.spawn(move || done(driver.run_packed(operation, &items, bytes_max, &cancel)));
        Ok(())
    }
}

/// Cuts `count` items into ranges, runs them on the pool and returns the results in order.
fn spread<T: Send>(
    count: usize,
    work: impl Fn(std::ops::Range<usize>) -> T + Sync,
) -> Result<Vec<T>> {
    let pool = pool()?;
    let threads = pool.current_num_threads();
    // Several chunks for each thread, so that one slow item does not leave the others idle.
    let size = count
        .div_ceil(threads.saturating_mul(8))
        .clamp(1, CHUNK_ITEMS_MAX);
    let chunks = count.div_ceil(size);
    Ok(pool.install(|| {
        (0..chunks)
            .into_par_iter()
            .map(|index| {
                let start = index.saturating_mul(size);
                work(start..start.saturating_add(size).min(count))
            })
            .collect()
    }))
}

fn chunk<I: Items + ?Sized>(
    inner: &Inner,
    operation: Operation,
    items: &I,
    cancel: &Cancel,
    range: std::ops::Range<usize>,
) -> Vec<Result<Output>> {
    let mut session = Session::open(inner);
    range
        .map(|index| {
            guarded(&mut session, operation, cancel, |session| {
                let (name, data) = items.item(index);
                if operation.answers_text() {
                    session
                        .decode(operation, name, data, str::to_owned)
                        .map(Output::Text)
                } else {
                    session
                        .call(operation, name, data, <[u8]>::to_vec)
                        .map(Output::Bytes)
                }
            })
        })
        .collect()
}

fn pack<I: Items + ?Sized>(
    inner: &Inner,
    operation: Operation,
    items: &I,
    room: &Room,
    cancel: &Cancel,
    range: std::ops::Range<usize>,
) -> Packed {
    let mut session = Session::open(inner);
    let mut packed = Packed {
        ends: Vec::with_capacity(range.len()),
        ..Packed::default()
    };
    for index in range {
        if room.is_full() {
            packed.left.push(index);
            packed.ends.push(packed.bytes.len());
            continue;
        }
        let before = packed.bytes.len();
        let bytes = &mut packed.bytes;
        let result = guarded(&mut session, operation, cancel, |session| {
            let (name, data) = items.item(index);
            if operation.answers_text() {
                session.decode(operation, name, data, |text| bytes.extend(text.as_bytes()))
            } else {
                session.call(operation, name, data, |output| bytes.extend(output))
            }
        });
        room.take(packed.bytes.len() - before);
        if let Err(error) = result {
            room.take(error.message.len());
            packed.errors.push((index, error));
        }
        packed.ends.push(packed.bytes.len());
    }
    packed
}

/// Puts the parts of a batch together.
fn join(parts: Vec<Packed>) -> Packed {
    let total = parts.iter().map(|part| part.bytes.len()).sum();
    let count = parts.iter().map(|part| part.ends.len()).sum();
    let mut whole = Packed {
        bytes: Vec::with_capacity(total),
        ends: Vec::with_capacity(count),
        ..Packed::default()
    };
    for part in parts {
        let base = whole.bytes.len();
        whole.bytes.extend(part.bytes);
        whole
            .ends
            .extend(part.ends.iter().map(|end| base.saturating_add(*end)));
        whole.errors.extend(part.errors);
        whole.left.extend(part.left);
    }
    whole
}

/// One item: skipped when cancelled, and a panic becomes its error. (The session gave the instance
/// away for the call, so a panic leaves no half-used one behind.)
fn guarded<T>(
    session: &mut Session<'_>,
    operation: Operation,
    cancel: &Cancel,
    work: impl FnOnce(&mut Session<'_>) -> Result<T>,
) -> Result<T> {
    if cancel.is_cancelled() {
        let message = "the batch was cancelled";
        return Err(DriverError::new(
            DriverCode::Aborted,
            operation.as_str(),
            message,
        ));
    }
    catch_unwind(AssertUnwindSafe(|| work(session))).unwrap_or_else(|panic| {
        Err(DriverError::new(
            DriverCode::Panic,
            operation.as_str(),
            panic_text(&*panic),
        ))
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("a panic of ours: {}", text.unwrap_or("no text"))
}
