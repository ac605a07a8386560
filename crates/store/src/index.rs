//! Look-ups by height, by hash and by transaction id, derived from the log by following it.
//!
//! The index is behind the log, never before it: it takes over only what is on disk. A look-up
//! first takes over what has become durable since, so its answer is complete as of the call; what
//! was not yet written to the database answers from memory. Nothing waits for the database but a
//! thread of its own.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use libmetachain_ledger::Record;
use libmetachain_primitives::{BlockHash, Code, Error, NativeHash, Result, TxId, decode_payload};
use parking_lot::Mutex;

use crate::fault::io_failed;
use crate::index_db::IndexDb;
pub use crate::index_db::IndexedBlock;
use crate::index_follow::Shared;
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

impl Index {
    pub(crate) fn open(log: Arc<Log>, keys: KeysOf, options: &IndexOptions) -> Result<Self> {
        log.check_open()?;
        let path = log.segments.dir().join(NAME);
        let (db, replay) = match existing(&log, &path)? {
            Some(found) => found,
            None => fresh(&log, &path)?,
        };
        let limits = (options.batch_entries_max.max(1), options.interval);
        let shared = Arc::new(Shared::new(log, keys, path, limits, (db, replay)));
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

/// The index in the directory, if it is whole and of this log.
fn existing(log: &Log, path: &Path) -> Result<Option<(IndexDb, Replay)>> {
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
fn fresh(log: &Log, path: &Path) -> Result<(IndexDb, Replay)> {
    let file = log
        .segments
        .disk()
        .create(path)
        .map_err(|error| io_failed("create", path, &error))?;
    Ok((IndexDb::open(file, path)?, Replay::from_start(log)))
}
