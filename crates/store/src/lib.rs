//! Block files, snapshots and indexes: the only chain crate that opens files.
//!
//! The truth is one append-only log of records in block files ([`FileStore`]). Whatever else lies
//! in the directory is derived from it and can be thrown away. All file access goes through the
//! [`Disk`] trait, and what the crate promises after a crash is tested behind it.

mod fault;
mod file_store;
mod format;
mod index;
mod index_db;
mod index_follow;
mod log;
mod memory;
mod options;
mod prune;
mod queue;
mod recover;
mod replay;
mod segment_header;
mod segments;
mod snapshot;
mod snapshot_file;
mod verify;
mod walk;
mod writer;

pub mod disk;
#[cfg(feature = "simulated-disk")]
pub mod sim;

pub use disk::{Disk, DiskFile, DiskLock, RealDisk};
pub use file_store::{FileStore, Opened, Recovery, StoreStats};
pub use index::{Found, Index, IndexOptions, IndexedBlock, Keys, KeysOf, payload_keys};
pub use memory::MemoryStore;
pub use options::{Durability, StoreOptions};
pub use prune::PruneReport;
pub use replay::Replay;
pub use segment_header::FORMAT_VERSION;
pub use snapshot::{Loaded, SnapshotWriter, Snapshots};
pub use snapshot_file::{SnapshotMeta, SnapshotReader};
pub use verify::{VerifyProgress, VerifyReport};
