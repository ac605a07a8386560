//! Look-ups by height, by hash and by transaction id, derived from the log by following it.
//!
//! The index is behind the log, never before it: it takes over only what is on disk. A look-up
//! first takes over what has become durable since, so its answer is complete as of the call; what
//! was not yet written to the database answers from memory. Nothing waits for the database but a
//! thread of its own.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use libmetachain_ledger::{Place, Record};
use libmetachain_primitives::{BlockHash, Code, Error, NativeHash, Result, TxId, decode_payload};
use parking_lot::{Condvar, Mutex};

use crate::fault::{closed, io_failed};
pub use crate::index_db::IndexedBlock;
use crate::index_db::{Batch, IndexDb, Stamp, TxAt};
use crate::log::Log;
use crate::replay::Replay;

const NAME: &str = "index.redb";

/// What a block is looked up by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The metachain hash.
    pub hash: BlockHash,
    /// The ids of the native transactions in it that have one, each with its position in the block.
    pub txids: Vec<(u32, TxId)>,
}

/// Finds the keys in a payload.
pub type KeysOf = fn(&[u8]) -> Result<Keys>;

/// The keys of a payload as the chain encodes it.
///
/// # Errors
/// As [`decode_payload`].
pub fn payload_keys(payload: &[u8]) -> Result<Keys> {
    let block = decode_payload(payload, u32::MAX, u32::MAX)?;
    let txids = block.transactions.iter().zip(0..);
    Ok(Keys {
        hash: block.header.hash(),
        txids: txids
            .filter_map(|(transaction, position)| Some((position, *transaction.txid()?)))
            .collect(),
    })
}

/// Options of [`FileStore::open_index`](crate::FileStore::open_index).
#[derive(Clone, Debug)]
pub struct IndexOptions {
    /// Whether a thread follows the log. Without it, only look-ups and [`Index::commit`] do.
    pub thread: bool,
    /// How often the thread looks for new records.
    pub interval: Duration,
    /// Entries in memory at which they are written to the database.
    pub batch_entries_max: usize,
}

impl Default for IndexOptions {
    fn default() -> Self {
        Self {
            thread: true,
            interval: Duration::from_millis(250),
            batch_entries_max: 200_000,
        }
    }
}

/// A transaction that was found by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The block that it is in.
    pub block: IndexedBlock,
    /// Its position in the block.
    pub position: u32,
}

/// The look-up index of one store. Closed with the store at the latest.
#[derive(Debug)]
pub struct Index {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    log: Arc<Log>,
    keys: KeysOf,
    path: PathBuf,
    batch_entries_max: usize,
    interval: Duration,
    inner: Mutex<Inner>,
    /// Held while a batch is written.
    writing: Mutex<()>,
    stop: Condvar,
}

#[derive(Debug)]
struct Inner {
    /// Absent once closed.
    db: Option<Arc<IndexDb>>,
    replay: Replay,
    batch: Batch,
    /// Being written to the database, and not yet readable there.
    writing: Option<Arc<Batch>>,
    /// Why the index can no longer be trusted or extended; it is built anew at the next opening.
    broken: Option<Error>,
}

impl Index {
    pub(crate) fn open(log: Arc<Log>, keys: KeysOf, options: &IndexOptions) -> Result<Self> {
        log.check_open()?;
        let path = log.segments.dir().join(NAME);
        let (db, replay) = match existing(&log, &path)? {
            Some(found) => found,
            None => fresh(&log, &path)?,
        };
        let shared = Arc::new(Shared {
            log,
            keys,
            path,
            batch_entries_max: options.batch_entries_max.max(1),
            interval: options.interval,
            inner: Mutex::new(Inner {
                db: Some(Arc::new(db)),
                replay,
                batch: Batch::default(),
                writing: None,
                broken: None,
            }),
            writing: Mutex::new(()),
            stop: Condvar::new(),
        });
        let thread = if options.thread {
            let shared = Arc::clone(&shared);
            let spawned = thread::Builder::new()
                .name("metachain-index".to_owned())
                .spawn(move || shared.run());
            Some(spawned.map_err(|error| {
                Error::new(Code::InternalIo, format!("cannot start the index: {error}"))
            })?)
        } else {
            None
        };
        shared.log.attach_index(&shared);
        Ok(Self {
            shared,
            thread: Mutex::new(thread),
        })
    }

    /// The next record that the index has not taken over yet.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.shared.inner.lock().replay.next_sequence()
    }

    /// The block of the present chain at this height.
    ///
    /// # Errors
    /// `CLOSED`; `STORE_CORRUPT` when the log cannot be read; `INTERNAL_IO` when the index cannot.
    pub fn block(&self, height: u64) -> Result<Option<IndexedBlock>> {
        self.shared.with_current(|view| view.block(height))
    }

    /// The block of the present chain with this metachain hash.
    ///
    /// # Errors
    /// As [`Index::block`].
    pub fn block_by_hash(&self, hash: &BlockHash) -> Result<Option<IndexedBlock>> {
        self.shared.with_current(|view| {
            let height = view.find(
                |batch| batch.by_hash(hash),
                |db, path| db.by_hash(hash, path),
            )?;
            let block = height.map_or(Ok(None), |height| view.block(height))?;
            Ok(block.filter(|block| block.hash == *hash))
        })
    }

    /// The block of the present chain that this native block carries.
    ///
    /// # Errors
    /// As [`Index::block`].
    pub fn block_by_native(&self, native: &NativeHash) -> Result<Option<IndexedBlock>> {
        self.shared.with_current(|view| {
            let height = view.find(
                |batch| batch.by_native(native),
                |db, path| db.by_native(native, path),
            )?;
            let block = height.map_or(Ok(None), |height| view.block(height))?;
            Ok(block.filter(|block| block.native == *native))
        })
    }

    /// The newest transaction of the present chain with this id, found in its block.
    ///
    /// # Errors
    /// As [`Index::block`].
    pub fn transaction(&self, txid: &TxId) -> Result<Option<Found>> {
        let mut candidates = self.shared.with_current(|view| view.candidates(txid))?;
        candidates.sort_unstable_by_key(|(_, at)| std::cmp::Reverse(*at));
        for (block, at) in candidates {
            let (header, frame, missing) = self
                .shared
                .log
                .segments
                .read_frame(&self.shared.log.key, block.place)?;
            let Some(Record::Connect { payload, .. }) = header.record(&frame, missing) else {
                continue;
            };
            let keys = (self.shared.keys)(&payload)?;
            if keys.txids.contains(&(at.position, *txid)) {
                return Ok(Some(Found {
                    block,
                    position: at.position,
                }));
            }
        }
        Ok(None)
    }

    /// Takes over everything that is on disk and writes it to the database.
    ///
    /// # Errors
    /// As [`Index::block`]; `STORE_FULL`.
    pub fn commit(&self) -> Result<()> {
        self.shared.commit_all()
    }

    /// Commits, stops the thread and closes the database. Idempotent. Look-ups then fail with
    /// `CLOSED`.
    ///
    /// # Errors
    /// As [`Index::commit`]; the index is closed in any case.
    pub fn close(&self) -> Result<()> {
        let result = self.shared.close();
        if let Some(thread) = self.thread.lock().take() {
            // A panic of the thread has nothing left to harm.
            let _ = thread.join();
        }
        result
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

/// What look-ups see: two batches in memory before the database.
struct View<'a> {
    shared: &'a Shared,
    inner: &'a Inner,
    db: &'a IndexDb,
}

impl View<'_> {
    fn batches(&self) -> impl Iterator<Item = &Batch> {
        std::iter::once(&self.inner.batch).chain(self.inner.writing.as_deref())
    }

    fn find<T>(
        &self,
        in_memory: impl Fn(&Batch) -> Option<T>,
        in_db: impl Fn(&IndexDb, &std::path::Path) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        match self.batches().find_map(in_memory) {
            Some(found) => Ok(Some(found)),
            None => in_db(self.db, &self.shared.path),
        }
    }

    fn block(&self, height: u64) -> Result<Option<IndexedBlock>> {
        match self.batches().find_map(|batch| batch.block(height)) {
            Some(known) => Ok(known),
            None => self.db.block(height, &self.shared.path),
        }
    }

    fn candidates(&self, txid: &TxId) -> Result<Vec<(IndexedBlock, TxAt)>> {
        let mut found = self.db.transactions(txid, &self.shared.path)?;
        found.extend(self.batches().flat_map(|batch| batch.transactions(txid)));
        found.sort_unstable();
        found.dedup();
        let mut blocks = Vec::new();
        for at in found {
            if let Some(block) = self.block(at.height)? {
                blocks.push((block, at));
            }
        }
        Ok(blocks)
    }
}

impl Shared {
    /// Looks up in an index that has everything that was on disk when the call began.
    fn with_current<T>(&self, look: impl FnOnce(&View<'_>) -> Result<T>) -> Result<T> {
        loop {
            let mut inner = self.inner.lock();
            if self.take_over(&mut inner)? {
                let inner = &*inner;
                let db = inner.db.as_deref().ok_or_else(closed)?;
                return look(&View {
                    shared: self,
                    inner,
                    db,
                });
            }
            drop(inner);
            self.write_batch()?;
        }
    }

    /// Takes over durable records until there are none, or until the batch is full. Returns
    /// whether there are none.
    fn take_over(&self, inner: &mut Inner) -> Result<bool> {
        if let Some(broken) = &inner.broken {
            return Err(broken.clone());
        }
        if inner.db.is_none() {
            return Err(closed());
        }
        inner.replay.extend(self.log.durable_end());
        while inner.batch.len() < self.batch_entries_max {
            let taken = match inner.replay.next() {
                None => return Ok(true),
                Some(item) => item.and_then(|(sequence, place, record)| {
                    self.take(&mut inner.batch, sequence, place, &record)?;
                    inner.batch.stamp = Some(Stamp {
                        store_id: self.log.key.id(),
                        sequence,
                        place,
                        frame: inner.replay.last_hash(),
                    });
                    Ok(())
                }),
            };
            if let Err(error) = taken {
                inner.broken = Some(error.clone());
                return Err(error);
            }
        }
        Ok(false)
    }

    fn take(&self, batch: &mut Batch, sequence: u64, place: Place, record: &Record) -> Result<()> {
        match record {
            Record::Connect {
                height,
                native,
                payload,
                ..
            } => {
                // A pruned payload is that of a block which a later record disconnects.
                let keys = if payload.is_empty() {
                    Keys {
                        hash: BlockHash::ZERO,
                        txids: Vec::new(),
                    }
                } else {
                    (self.keys)(payload)?
                };
                let block = IndexedBlock {
                    height: *height,
                    sequence,
                    place,
                    hash: keys.hash,
                    native: *native,
                };
                batch.connect(block, keys.txids.into_iter());
            }
            Record::Disconnect { height, .. } => batch.disconnect(*height),
            Record::Genesis { .. } | Record::Finalize { .. } => {}
        }
        Ok(())
    }

    /// Writes what is in memory to the database. Look-ups go on meanwhile.
    fn write_batch(&self) -> Result<()> {
        let _alone = self.writing.lock();
        let (db, batch) = {
            let mut inner = self.inner.lock();
            let db = inner.db.clone().ok_or_else(closed)?;
            if inner.batch.stamp.is_none() {
                return Ok(());
            }
            let batch = Arc::new(std::mem::take(&mut inner.batch));
            inner.writing = Some(Arc::clone(&batch));
            (db, batch)
        };
        let written = db.write(&batch, &self.path);
        let mut inner = self.inner.lock();
        inner.writing = None;
        if let Err(error) = &written {
            inner.broken = Some(error.clone());
        }
        written
    }

    fn commit_all(&self) -> Result<()> {
        loop {
            let done = self.take_over(&mut self.inner.lock())?;
            self.write_batch()?;
            if done {
                return Ok(());
            }
        }
    }

    /// Called by the index's owner and by the log when it closes.
    pub(crate) fn close(&self) -> Result<()> {
        let open = self.inner.lock().db.is_some();
        let result = if open { self.commit_all() } else { Ok(()) };
        let _alone = self.writing.lock();
        let (db, broken) = {
            let mut inner = self.inner.lock();
            (inner.db.take(), inner.broken.is_some())
        };
        self.stop.notify_all();
        if let Some(db) = db {
            drop(db);
            if broken {
                // So that the next opening does not have to find out.
                let _ = self.log.segments.disk().remove(&self.path);
            }
        }
        match result {
            // Another call was faster.
            Err(error) if error.code() == Code::Closed => Ok(()),
            result => result,
        }
    }

    /// The body of the index's thread.
    fn run(&self) {
        loop {
            let full = {
                let mut inner = self.inner.lock();
                // Errors are kept in `broken`, where look-ups find them.
                let full = self.take_over(&mut inner).is_ok_and(|done| !done);
                if inner.db.is_none() || inner.broken.is_some() {
                    return;
                }
                if !full {
                    self.stop.wait_for(&mut inner, self.interval);
                    if inner.db.is_none() {
                        return;
                    }
                }
                full
            };
            if full && self.write_batch().is_err() {
                return;
            }
        }
    }
}

/// The index in the directory, if it is whole and of this log.
fn existing(log: &Log, path: &std::path::Path) -> Result<Option<(IndexDb, Replay)>> {
    let file = match log.segments.disk().open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_failed("open", path, &error)),
    };
    let Ok(db) = IndexDb::open(file, path) else {
        return Ok(None);
    };
    let Ok(Some(stamp)) = db.stamp(path) else {
        return Ok(None);
    };
    if stamp.store_id != log.key.id() || stamp.sequence >= log.durable_count() {
        return Ok(None);
    }
    match Replay::after(log, stamp.sequence, stamp.place) {
        Ok(replay) if replay.last_hash() == stamp.frame => Ok(Some((db, replay))),
        _ => Ok(None),
    }
}

/// An empty index in place of whatever is there.
fn fresh(log: &Log, path: &std::path::Path) -> Result<(IndexDb, Replay)> {
    let file = log
        .segments
        .disk()
        .create(path)
        .map_err(|error| io_failed("create", path, &error))?;
    Ok((IndexDb::open(file, path)?, Replay::from_start(log)))
}
