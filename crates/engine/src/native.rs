//! What the native node tells the engine about its blocks, and what it hears back.

use std::sync::Arc;

use libmetachain_ledger::Context;
use libmetachain_primitives::{
    BlockHash, NativeHash, Receipt, Rejection, Root, Transaction, tx_root,
};

/// The metachain transactions that a native block itself carries, which its payload must contain exactly.
///
/// Without them a miner could embed deposits that nobody made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// The [`tx_root`] of the transactions, in order.
    Root(Root),
    /// One of the transactions is malformed, so that no payload can contain it.
    Malformed {
        /// Its position among those carried.
        index: u32,
        /// What is wrong with it.
        receipt: Receipt,
    },
    /// The caller has compared them already, or has nothing to compare with.
    Unchecked,
}

impl Carried {
    /// Sums up transactions as they were parsed, in order.
    #[must_use]
    pub fn of(transactions: &[Result<Transaction, Receipt>]) -> Carried {
        let malformed = (0u32..)
            .zip(transactions)
            .find_map(|(index, transaction)| Some((index, transaction.as_ref().err()?)));
        match malformed {
            Some((index, receipt)) => Carried::Malformed {
                index,
                receipt: receipt.clone(),
            },
            None => Carried::Root(tx_root(transactions.iter().filter_map(|t| t.as_ref().ok()))),
        }
    }
}

/// A native block that is not yet part of the native chain, as a node validates it: it has no hash to go by.
#[derive(Clone, Debug)]
pub struct CandidateBlock {
    /// Its height, parent and time (unix seconds).
    pub context: Context,
    /// The metachain payload embedded in it.
    pub payload: Arc<[u8]>,
    /// The metachain transactions that it carries itself.
    pub carried: Carried,
}

/// A native block to connect.
#[derive(Clone, Debug)]
pub struct NativeBlock {
    /// Its hash.
    pub hash: NativeHash,
    /// What it says.
    pub candidate: CandidateBlock,
}

/// What became of a block given to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connected {
    /// Whether it is new.
    pub status: ConnectStatus,
    /// The metachain block's hash.
    pub hash: BlockHash,
    /// The metachain block's height.
    pub height: u64,
}

/// Whether a connect changed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectStatus {
    /// The block is the new tip.
    Connected,
    /// The same native block with the same payload was part of the chain already; nothing changed.
    Known,
}

/// A block that was built and changes nothing until it is connected.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The bytes for the native block.
    pub payload: Vec<u8>,
    /// The block's hash.
    pub hash: BlockHash,
    /// What the block claims.
    pub header: libmetachain_primitives::Header,
    /// Transactions left out, by ascending index: the native block must leave them out too.
    pub rejected: Vec<Rejection>,
}
