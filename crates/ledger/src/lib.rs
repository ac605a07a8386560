//! The pure state transition of the metachain: execute, mint, check, apply, revert, roots and
//! proofs. No I/O, no clock, no threads.

pub mod store;

pub use store::{Appended, Place, Record, Store, WhenDurable};

mod accounts;
mod chunked;
mod leaf;
mod ordered;
mod sharded;
mod tree;
mod window;

pub use leaf::Account;
pub use tree::Hashing;
