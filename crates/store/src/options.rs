//! How a store behaves: durability, sizes and bounds.

use std::time::Duration;

/// When a record counts as acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Each commit group is synced before it is acknowledged.
    #[default]
    Block,
    /// Records are written at once but synced only when somebody waits for them, on
    /// [`flush`](libmetachain_ledger::Store::flush), at [`StoreOptions::batch_bytes_max`], and at
    /// the end of a segment. A crash of the machine may lose the records since.
    Batch,
}

/// Options of [`FileStore::open`](crate::FileStore::open).
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// When a record counts as acknowledged.
    pub durability: Durability,
    /// Bytes of a new segment file. A record that does not fit gets a longer segment of its own.
    pub segment_bytes: u64,
    /// Bytes of records that may wait to be written before `append` blocks.
    pub queue_bytes_max: usize,
    /// In [`Durability::Batch`]: bytes written but not synced at which a sync is made.
    pub batch_bytes_max: u64,
    /// In [`Durability::Batch`]: how long the store's thread leaves records unsynced when no more
    /// come.
    pub batch_interval: Duration,
    /// How far ahead of the last record the segment is filled with written zeros. Overwriting
    /// written blocks needs one trip to the device where filling reserved ones needs two.
    pub fill_bytes: u64,
    /// Whether a thread of the store writes. Without it, records are written by whoever waits for
    /// them: no thread, no concurrency, the same bytes. For tests that count operations.
    pub writer_thread: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            durability: Durability::Block,
            segment_bytes: 128 << 20,
            queue_bytes_max: 64 << 20,
            batch_bytes_max: 16 << 20,
            batch_interval: Duration::from_millis(500),
            fill_bytes: 16 << 20,
            writer_thread: true,
        }
    }
}
