//! A running metachain: what every binding calls.
//!
//! [`Metachain`] ties the pure ledger to its log: one block is one record, synced before it is told;
//! the next block executes while the last is written and the one after it is read, blocks that wait in a queue share a
//! sync, and opening reads the log back. The bindings convert values and delegate to this crate; it knows none of them.

mod ahead;
mod bytes;
mod chain;
mod connect;
mod disconnect;
mod events;
mod executor;
mod gathering;
mod handshake;
mod index;
mod journal;
mod listeners;
mod metachain;
mod metrics;
mod mint;
mod native;
mod older;
mod open;
mod options;
mod portable;
mod prepared;
mod query;
mod reading;
mod recent;
mod registry;
mod retention;
mod snapshot;
mod sync;
mod verify;
mod workers;

pub use events::{Event, EventKind, Position};
pub use handshake::{Handshake, NativeTip, Search, Step};
pub use index::BlockRef;
pub use libmetachain_ledger::{Account, Context, Tip, verify_account_proof};
pub use libmetachain_store::Durability;
pub use metachain::{Done, Metachain};
pub use native::{CandidateBlock, Carried, ConnectStatus, Connected, Minted, NativeBlock};
pub use open::Media;
pub use options::{
    EVENT_RETENTION_DEFAULT, OpenOptions, SNAPSHOT_EVERY_DEFAULT, UNDO_DEPTH_DEFAULT,
};
pub use query::{ChainTip, ProvenAccount, ProvenWithdrawal, StoredBlock, StoredTransaction};
pub use sync::{NativeSource, diverged};
