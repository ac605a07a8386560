//! Block files, snapshots and indexes: the only chain crate that opens files.
//!
//! The truth is one append-only log of records in block files ([`FileStore`]). Whatever else lies
//! in the directory is derived from it and can be thrown away. All file access goes through the
//! [`Disk`] trait, and what the crate promises after a crash is tested behind it.

mod fault;
mod file_store;
mod format;
mod log;
mod memory;
mod options;
mod recover;
mod replay;
mod segments;
mod walk;
mod writer;

pub mod disk;
#[cfg(feature = "simulated-disk")]
pub mod sim;

pub use disk::{Disk, DiskFile, DiskLock, RealDisk};
pub use file_store::{FileStore, Opened, Recovery};
pub use format::FORMAT_VERSION;
pub use memory::MemoryStore;
pub use options::{Durability, StoreOptions};
pub use replay::Replay;
