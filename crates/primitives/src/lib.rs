//! Addresses, amounts, transactions, blocks and the payload codec of the metachain.
//!
//! This crate knows what the words of the chain mean and how they are written as bytes. It keeps
//! no state, opens no file, reads no clock, and compiles to WebAssembly, where the metachain's own
//! data driver uses it.

pub mod address;
pub mod amount;
pub mod error;
pub mod genesis;
pub mod hash;
pub mod header;
pub mod merkle;
pub mod network;
pub mod payload;
pub mod receipt;
pub mod transaction;
pub mod tree_hash;
pub mod withdrawal;

pub use address::{MetaAddress, NativeAddress};
pub use amount::{Amount, SUPPLY_MAX};
pub use error::{Code, Detail, Error, Result};
pub use genesis::Genesis;
pub use hash::{BlockHash, NativeHash, Root, TxId};
pub use header::Header;
pub use merkle::tx_root;
pub use network::{AddressRules, Network};
pub use payload::{Block, decode_payload, encode_payload, payload_bytes_of};
pub use receipt::{Receipt, Rejection};
pub use transaction::Transaction;
pub use withdrawal::{
    Withdrawal, prove_withdrawal, verify_withdrawal, withdrawals, withdrawals_root,
};
