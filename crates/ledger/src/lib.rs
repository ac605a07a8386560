//! The pure state transition of the metachain: execute, mint, check, apply, revert, roots and
//! proofs. No I/O, no clock, no threads.

pub mod store;

pub use store::{Appended, Place, Record, Store, WhenDurable};
