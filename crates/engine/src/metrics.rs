//! What a chain counts about itself.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count that only grows.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts since the chain was opened.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) minted: Counter,
    pub(crate) checked: Counter,
    pub(crate) connected: Counter,
    pub(crate) adopted: Counter,
    pub(crate) known: Counter,
    pub(crate) refused: Counter,
    pub(crate) disconnected: Counter,
    pub(crate) transactions: Counter,
    pub(crate) rejections: Counter,
    pub(crate) record_reads: Counter,
    pub(crate) snapshots_written: Counter,
    pub(crate) snapshots_failed: Counter,
    pub(crate) prunings_failed: Counter,
    pub(crate) segments_pruned: Counter,
    pub(crate) bytes_pruned: Counter,
}

impl Counters {
    /// Names and values, in a fixed order.
    pub(crate) fn list(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("blocksMinted", self.minted.get()),
            ("blocksChecked", self.checked.get()),
            ("blocksConnected", self.connected.get()),
            ("blocksAdopted", self.adopted.get()),
            ("blocksKnown", self.known.get()),
            ("blocksRefused", self.refused.get()),
            ("blocksDisconnected", self.disconnected.get()),
            ("transactionsConnected", self.transactions.get()),
            ("transactionsRejected", self.rejections.get()),
            ("recordReads", self.record_reads.get()),
            ("snapshotsWritten", self.snapshots_written.get()),
            ("snapshotsFailed", self.snapshots_failed.get()),
            ("pruningsFailed", self.prunings_failed.get()),
            ("segmentsPruned", self.segments_pruned.get()),
            ("bytesPruned", self.bytes_pruned.get()),
        ]
    }
}
