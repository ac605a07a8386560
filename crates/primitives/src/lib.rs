//! Addresses, amounts, transactions, blocks and the payload codec of the metachain.
//!
//! This crate knows what the words of the chain mean and how they are written as bytes. It keeps
//! no state, opens no file, reads no clock, and compiles to WebAssembly, where the metachain's own
//! data driver uses it.

pub mod error;
pub mod hash;

pub use error::{Code, Detail, Error, Result};
pub use hash::{BlockHash, NativeHash, Root, TxId};
