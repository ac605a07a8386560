//! What the ledger asks of whatever keeps its blocks: an append-only log of records.
//!
//! The log is the truth. A block and its undo are one record, a disconnect is a record like
//! any other, and nothing in the log is ever rewritten. The trait belongs to this crate so
//! that the state transition decides what is written and the store only how.

use std::sync::Arc;

use libmetachain_primitives::{NativeHash, Result};

/// One entry of the log. Entries apply in the order in which they were appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The first record of every log, once: the encoded genesis parameters.
    Genesis {
        /// `Genesis::encode`, byte for byte.
        bytes: Vec<u8>,
    },
    /// A block became the tip.
    Connect {
        /// The block's metachain height.
        height: u64,
        /// The native block that carried it.
        native: NativeHash,
        /// The payload as it was carried.
        payload: Arc<[u8]>,
        /// `Undo::encode`: what taking the block back needs.
        undo: Vec<u8>,
    },
    /// The tip was taken back.
    Disconnect {
        /// The metachain height of the block that was undone.
        height: u64,
        /// The native block that had carried it.
        native: NativeHash,
    },
    /// No block at or below this one is ever disconnected again.
    Finalize {
        /// The metachain height of the finalised block.
        height: u64,
        /// The native block that carries it.
        native: NativeHash,
    },
}

impl Record {
    /// The metachain height the record is about; 0 for genesis.
    pub const fn height(&self) -> u64 {
        match self {
            Self::Genesis { .. } => 0,
            Self::Connect { height, .. }
            | Self::Disconnect { height, .. }
            | Self::Finalize { height, .. } => *height,
        }
    }
}

/// Where a record lies. Places stay valid until the segment is pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Number of the segment file.
    pub segment: u32,
    /// Bytes from the start of the segment to the start of the record.
    pub offset: u64,
    /// Bytes of the whole record, framing included.
    pub len: u32,
}

/// The answer to an append: the record has its number and its place, but may not be on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// 0 for the genesis record, one more for each record after it.
    pub sequence: u64,
    /// Where the record will lie; decided when it is queued.
    pub place: Place,
}

/// Told once, when a record is on disk or will never be.
pub type WhenDurable = Box<dyn FnOnce(Result<()>) + Send>;

/// The log. All methods may be called from any thread.
///
/// After a failed write or sync the store is dead until it is opened again: every later call
/// that touches the disk returns that same error, because nobody knows what the page cache
/// still holds.
pub trait Store: Send + Sync {
    /// Queues a record behind those before it. Returns when it is queued, which waits while
    /// the bounded queue is full.
    ///
    /// # Errors
    /// `STORE_FULL` when the record does not fit on the disk (nothing was written),
    /// `INTERNAL_IO` after a failed write or sync, `CLOSED` after [`Store::close`].
    fn append(&self, record: Record) -> Result<Appended>;

    /// Says that records are about to follow one another at once, until the call with `false`: the store may let
    /// one wait for those behind it, to write a few of them together. Whoever waits for a record, by any method
    /// but [`Store::when_durable`], does not wait longer for that. May be nested.
    fn gather(&self, _on: bool) {}

    /// The highest sequence that is known to be on disk.
    fn durable_sequence(&self) -> u64;

    /// Blocks until the record with this sequence is on disk.
    ///
    /// # Errors
    /// The store's fatal error, if it happens before that.
    fn wait_durable(&self, sequence: u64) -> Result<()>;

    /// Calls `done` when the record with this sequence is on disk or the store has failed:
    /// from the writer's thread, or at once from this one where the answer is known already.
    fn when_durable(&self, sequence: u64, done: WhenDurable);

    /// Returns when everything queued before the call is on disk.
    ///
    /// # Errors
    /// The store's fatal error.
    fn flush(&self) -> Result<()>;

    /// Reads one record back and verifies it: its framing, its place and its hash.
    ///
    /// # Errors
    /// `STORE_CORRUPT` with the file and offset, `INTERNAL_IO`, `CLOSED`.
    fn read(&self, place: Place) -> Result<Record>;

    /// Flushes, marks the store as cleanly closed and releases its lock. Idempotent.
    ///
    /// # Errors
    /// The store's fatal error; the lock is released in any case.
    fn close(&self) -> Result<()>;
}
