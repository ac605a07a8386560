//! How a metachain is opened.

use std::path::PathBuf;

use libmetachain_primitives::Genesis;
use libmetachain_store::Durability;

/// Blocks that can be disconnected, unless the options say otherwise.
pub const UNDO_DEPTH_DEFAULT: u64 = 1_000;

/// Blocks between two snapshots, unless the options say otherwise.
pub const SNAPSHOT_EVERY_DEFAULT: u64 = 10_000;

/// Blocks for which the events of disconnected blocks are kept, unless the options say otherwise.
pub const EVENT_RETENTION_DEFAULT: u64 = 10_000;

/// What to open, and how.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// The directory of the store; without it the chain lives in memory and ends with the handle.
    pub path: Option<PathBuf>,
    /// Needed to create a store; where a store exists it must be equal to the stored one.
    pub genesis: Option<Genesis>,
    /// When a connect is acknowledged: once the block is on disk, or once it is queued. A crash then
    /// loses the last blocks, which the native node connects again after the handshake.
    pub durability: Durability,
    /// Blocks that can be disconnected, counted from the highest tip there has been.
    pub undo_depth: u64,
    /// Blocks between two snapshots of the state, which opening begins from; at least 1.
    pub snapshot_every: u64,
    /// Blocks below the tip for which an indexer that fell behind still gets the events of blocks that
    /// were disconnected. Beyond them, and beyond `undo_depth`, the bodies of these blocks and the undo
    /// of all blocks are dropped after a snapshot, a file of the log at a time; the events of the chain
    /// itself are kept for ever.
    pub event_retention: u64,
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions {
            path: None,
            genesis: None,
            durability: Durability::default(),
            undo_depth: UNDO_DEPTH_DEFAULT,
            snapshot_every: SNAPSHOT_EVERY_DEFAULT,
            event_retention: EVENT_RETENTION_DEFAULT,
        }
    }
}
