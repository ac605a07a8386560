//! A store in a directory: opens and recovers it, and answers the [`Store`] trait from its log.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use libmetachain_ledger::{Appended, Place, Record, Store, WhenDurable};
use libmetachain_primitives::{Code, Error, Result};
use parking_lot::Mutex;

use crate::disk::{Disk, DiskLock};
use crate::fault::{closed, corrupt, io_failed};
use crate::format::StoreKey;
use crate::index::{Index, IndexOptions, KeysOf};
use crate::log::Log;
use crate::options::StoreOptions;
use crate::prune::{PruneReport, prune};
use crate::recover::{Tail, identify, recover};
use crate::replay::Replay;
use crate::segments::Segments;
use crate::snapshot::{Snapshots, anchors, any};
use crate::verify::{VerifyProgress, VerifyReport, verify};

/// The file that is locked while a store is open.
const LOCK_NAME: &str = "LOCK";

/// An opened store, and everything that it holds.
#[derive(Debug)]
pub struct Opened {
    /// The store, ready for the next record.
    pub store: FileStore,
    /// The records from the first on. See also [`FileStore::replay_after`].
    pub replay: Replay,
    /// What opening found.
    pub recovery: Recovery,
}

/// What opening a store found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The store did not exist before.
    pub created: bool,
    /// The store had been closed; otherwise the process or the machine had stopped.
    pub clean: bool,
    /// Records in the log.
    pub records: u64,
    /// The torn end that was dropped: nothing in it was ever acknowledged.
    pub dropped: Option<Place>,
}

/// Figures of an open store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreStats {
    /// Records appended, of all sessions.
    pub records: u64,
    /// Those on disk.
    pub records_durable: u64,
    /// Bytes that wait to be written.
    pub queued_bytes: u64,
    /// Segments with records, or about to get them.
    pub segments: u32,
    /// Syncs of the log since it was opened; fewer than records where commits were grouped.
    pub syncs: u64,
}

/// The store in append-only block files. One process has it at a time.
///
/// Dropping it closes it; [`Store::close`] also says whether that went well.
#[derive(Debug)]
pub struct FileStore {
    log: Arc<Log>,
    /// Both are given up by `close`.
    thread: Mutex<Option<JoinHandle<()>>>,
    lock: Mutex<Option<Box<dyn DiskLock>>>,
    outcome: Mutex<Option<Result<()>>>,
}

impl FileStore {
    /// Opens the store in `dir`, creating it where there is none, and recovers what a crash left.
    ///
    /// # Errors
    /// - `STORE_LOCKED`: another process, or another handle of this one, has it open.
    /// - `STORE_VERSION`: it is of a format version that this build does not read.
    /// - `STORE_CORRUPT`: something that was durable is damaged or missing; with file and offset.
    /// - `STORE_FULL`: there is no space to create it.
    /// - `INTERNAL_IO`: the system failed a read, write or sync.
    pub fn open(disk: Arc<dyn Disk>, dir: &Path, options: StoreOptions) -> Result<Opened> {
        disk.create_dir(dir)
            .map_err(|error| io_failed("create", dir, &error))?;
        let lock = lock(disk.as_ref(), dir)?;
        let segments = Arc::new(Segments::new(disk, dir.to_owned()));
        let (key, created) = match identify(&segments)? {
            Some(key) => (key, false),
            None if any(&segments)? => {
                return Err(corrupt(
                    &segments.path(0),
                    0,
                    "the log is gone, its snapshots are not",
                ));
            }
            None => (create(&segments, &options)?, true),
        };
        let tail = recover(&segments, &key, &anchors(&segments, &key)?)?;
        let recovery = Recovery {
            created,
            clean: tail.closed || (tail.chain.next == 0 && tail.dropped.is_none()),
            records: tail.chain.next,
            dropped: tail.dropped,
        };
        let store = Self::start(segments, key, options, &tail, lock)?;
        let replay = Replay::from_start(&store.log);
        Ok(Opened {
            store,
            replay,
            recovery,
        })
    }

    fn start(
        segments: Arc<Segments>,
        key: StoreKey,
        options: StoreOptions,
        tail: &Tail,
        lock: Box<dyn DiskLock>,
    ) -> Result<Self> {
        let threaded = options.writer_thread;
        let log = Arc::new(Log::new(segments, key, options, tail)?);
        let thread = if threaded {
            let log = Arc::clone(&log);
            let spawned = thread::Builder::new()
                .name("metachain-store".to_owned())
                .spawn(move || log.run());
            Some(spawned.map_err(|error| {
                Error::new(
                    Code::InternalIo,
                    format!("cannot start the writer: {error}"),
                )
            })?)
        } else {
            None
        };
        Ok(Self {
            log,
            thread: Mutex::new(thread),
            lock: Mutex::new(Some(lock)),
            outcome: Mutex::new(None),
        })
    }

    /// The store's identity: different for every store ever created, kept for its life.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        self.log.key.id()
    }

    /// The sequence that the next record will get, which is the number of records appended.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.log.next_sequence()
    }

    /// Figures for whoever watches the store.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        self.log.stats()
    }

    /// The number of records on disk. One more than [`Store::durable_sequence`], and 0 where
    /// there is none.
    #[must_use]
    pub fn durable_count(&self) -> u64 {
        self.log.durable_count()
    }

    /// The records from the first on, up to what is on disk now.
    #[must_use]
    pub fn replay(&self) -> Replay {
        Replay::from_start(&self.log)
    }

    /// The records behind one whose sequence and place are known, up to what is on disk now. Only
    /// what is read is verified.
    ///
    /// # Errors
    /// `STORE_CORRUPT` when that record does not lie there.
    pub fn replay_after(&self, sequence: u64, place: Place) -> Result<Replay> {
        Replay::after(&self.log, sequence, place)
    }

    /// The snapshots that lie beside the log.
    #[must_use]
    pub fn snapshots(&self) -> Snapshots {
        Snapshots::new(Arc::clone(&self.log))
    }

    /// Opens the look-up index, or begins to build it anew where it is missing, stale or damaged.
    /// `keys` finds in a payload what it is looked up by.
    ///
    /// # Errors
    /// `INTERNAL_IO` and `STORE_FULL` when not even an empty index can be made.
    pub fn open_index(&self, keys: KeysOf, options: &IndexOptions) -> Result<Index> {
        Index::open(Arc::clone(&self.log), keys, options)
    }

    /// Reads and checks everything: every frame, the chain through all segments, every snapshot.
    /// `progress` is told how far it is, and ends the walk by returning `false`.
    ///
    /// # Errors
    /// `STORE_CORRUPT` with file and offset, `SNAPSHOT_INVALID`, `INTERNAL_IO`, `ABORTED`.
    pub fn verify(&self, progress: &mut dyn FnMut(VerifyProgress) -> bool) -> Result<VerifyReport> {
        verify(&self.log, progress)
    }

    /// Drops the undo, and the payloads of blocks that were disconnected in the segment that they were
    /// connected in, from the segments that hold only records before the sequence `before`. Places
    /// stay valid; what is gone reads as empty. Frees the space by writing each segment anew, once.
    ///
    /// `go_on` is asked before each segment, and ends the pruning by returning `false`.
    ///
    /// # Errors
    /// `STORE_CORRUPT`, `STORE_FULL`, `INTERNAL_IO`; the segment at hand is then as it was.
    pub fn prune(&self, before: u64, go_on: &dyn Fn() -> bool) -> Result<PruneReport> {
        prune(&self.log, before, go_on)
    }

    /// Whether something was pruned, so that the log alone no longer says how every block that was
    /// disconnected is taken back.
    ///
    /// # Errors
    /// `STORE_CORRUPT`, `INTERNAL_IO`.
    pub fn is_pruned(&self) -> Result<bool> {
        let (last, _) = self.log.durable_end();
        for number in 0..last {
            if self.log.segments.get(number, &self.log.key)?.pruned != 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Does at once what the store's thread otherwise does when it is idle: makes the next segment
    /// ready and fills ahead. Needed only without [`StoreOptions::writer_thread`].
    ///
    /// # Errors
    /// The store's fatal error, `CLOSED`.
    pub fn maintain(&self) -> Result<()> {
        self.log.maintain()
    }
}

impl Store for FileStore {
    fn append(&self, record: Record) -> Result<Appended> {
        self.log.append(record)
    }

    fn gather(&self, on: bool) {
        self.log.gather(on);
    }

    fn durable_sequence(&self) -> u64 {
        self.log.durable_count().saturating_sub(1)
    }

    fn wait_durable(&self, sequence: u64) -> Result<()> {
        self.log.wait_durable(sequence)
    }

    fn when_durable(&self, sequence: u64, done: WhenDurable) {
        self.log.when_durable(sequence, done);
    }

    fn flush(&self) -> Result<()> {
        self.log.flush()
    }

    fn read(&self, place: Place) -> Result<Record> {
        if let Some(record) = self.log.unwritten(place)? {
            return Ok(record);
        }
        let (header, frame, missing) = self.log.segments.read_frame(&self.log.key, place)?;
        header.record(&frame, missing).ok_or_else(|| {
            let path = self.log.segments.path(place.segment);
            corrupt(&path, place.offset, "the frame there is not a record")
        })
    }

    fn close(&self) -> Result<()> {
        if let Some(index) = self.log.attached_index() {
            // Derived data: what it could not write is built anew.
            let _ = index.close();
        }
        if let Some(result) = self.log.close() {
            *self.outcome.lock() = Some(result);
        }
        // What had begun in the directory ends before it is given up.
        self.log.wait_prepared();
        drop(self.log.lock_maintenance());
        let thread = self.thread.lock().take();
        if let Some(thread) = thread
            && thread.thread().id() != thread::current().id()
        {
            // A panic of the thread has nothing left to harm; the outcome says what was written.
            let _ = thread.join();
        }
        self.lock.lock().take();
        let outcome = self.outcome.lock();
        outcome.clone().unwrap_or_else(|| Err(closed()))
    }
}

impl Drop for FileStore {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

fn lock(disk: &dyn Disk, dir: &Path) -> Result<Box<dyn DiskLock>> {
    let path = dir.join(LOCK_NAME);
    disk.lock(&path)
        .map_err(|error| io_failed("lock", &path, &error))?
        .ok_or_else(|| {
            Error::new(
                Code::StoreLocked,
                format!("{} is open in another process", dir.display()),
            )
            .with("directory", dir.display().to_string())
        })
}

/// Makes the first segment, and with it the store's identity.
fn create(segments: &Segments, options: &StoreOptions) -> Result<StoreKey> {
    let seed = segments
        .disk()
        .fresh_id()
        .map_err(|error| io_failed("find an id for", segments.dir(), &error))?;
    let key = StoreKey::new(seed);
    segments.prepare(0, options.segment_bytes, &key)?;
    Ok(key)
}
