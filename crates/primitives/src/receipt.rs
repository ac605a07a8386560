//! Why one transaction was left out of a block.

use crate::error::Code;

/// The reason for which a transaction was not accepted. Its code is one of the receipt codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// `INVALID_ADDRESS`, `INVALID_KIND`, `INVALID_AMOUNT`, `INSUFFICIENT_BALANCE`,
    /// `SUPPLY_OVERFLOW`, `DUPLICATE_TXID` or `BLOCK_FULL`.
    pub code: Code,
    /// The reason for people.
    pub message: String,
    /// The balance found, in base units, where that was the reason.
    pub balance: Option<u64>,
}

impl Receipt {
    /// A reason that no balance explains.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Receipt {
            code,
            message: message.into(),
            balance: None,
        }
    }
}

/// A transaction left out of a minted block: the native node must leave its native transaction out too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The transaction's position among those given to mint, from 0.
    pub index: u32,
    /// Why.
    pub receipt: Receipt,
}
