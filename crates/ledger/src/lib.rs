//! The pure state transition of the metachain: execute, mint, check, apply, revert, roots and
//! proofs. No I/O, no clock, no threads but those that its owner lends it ([`Workers`]).
//!
//! A [`Ledger`] holds all accounts at one tip. [`Ledger::mint`] and [`Ledger::check`] execute a block
//! beside it and give its whole effect as a [`Delta`]; [`Ledger::apply`] makes it, and
//! [`Ledger::revert`] takes it back by its [`Undo`]. A ledger is rebuilt from stored blocks by a
//! [`Replay`], which may start from the accounts of a snapshot ([`Restore`]).
//!
//! What holds, and which test says so (`tests/`):
//! - the state root is a function of the list of leaves: no history, no thread, no processor shows
//!   in it (`model`, `purity`);
//! - after a block and its undo everything is as before, byte for byte (`model`);
//! - balances add up to the supply, which never exceeds 2^63-1 (`model`, `receipts`);
//! - whatever a header claims is compared with what execution gives (`verdicts`);
//! - a proof of an account, or of none, is refused after any change to it (`proofs`);
//! - stored blocks, undo and snapshots that are not what a ledger wrote are refused (`opening`).
//!
//! **Invariant:** this crate knows nothing of files, threads, clocks or the native chain beyond its
//! block hashes and heights. What it needs of a log it asks of a [`Store`], which others implement.
//! Its only randomness keys the hash tables, and no byte that leaves it depends on that.
//!
//! Costs are printed by `examples/throughput.rs`.

mod accounts;
mod ahead;
mod change;
mod chunked;
mod delta;
mod execute;
mod judge;
mod leaf;
mod ledger;
mod named;
mod ordered;
mod proof;
mod radix;
mod replay;
mod room;
mod sharded;
mod snapshot;
pub mod store;
mod tip;
mod tree;
mod window;
mod workers;

pub use ahead::Ahead;
pub use delta::{Delta, Undo};
pub use judge::{Candidate, Carried, Checked, Context, Minted};
pub use leaf::Account;
pub use ledger::Ledger;
pub use proof::{AccountProof, verify_account_proof};
pub use replay::Replay;
pub use snapshot::{ACCOUNT_RECORD_BYTES, Restore};
pub use store::{Appended, Place, Record, Store, WhenDurable};
pub use tip::Tip;
pub use tree::Hashing;
pub use workers::{Alone, Workers, both};
