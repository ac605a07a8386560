//! Names: what the bytes are, and on which network their addresses are texts.

use libmetachain_data_driver::Error;
use libmetachain_primitives::{Network, Transaction};

/// What separates a name from a network.
const SEPARATOR: char = '@';

/// What the input and the output of a function are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FunctionData {
    /// A payload, which is a block.
    Payload,
    /// One transaction.
    Transaction,
    /// Any number of transactions.
    Transactions,
}

/// What an event tells of a block, whose payload is its data.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EventData {
    /// The block.
    Block,
    /// Its transactions of one kind.
    Transactions(Kind),
}

/// The kinds of transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// From the native chain.
    Deposit,
    /// To the native chain.
    Withdrawal,
    /// Within the metachain.
    Transfer,
}

impl Kind {
    /// The kind of a transaction.
    pub(crate) const fn of(transaction: &Transaction) -> Kind {
        match transaction {
            Transaction::Deposit { .. } => Kind::Deposit,
            Transaction::Withdraw { .. } => Kind::Withdrawal,
            Transaction::Transfer { .. } => Kind::Transfer,
        }
    }
}

/// What a function's name stands for.
pub(crate) fn function(name: &str) -> Result<(FunctionData, Option<Network>), Error> {
    let (what, network) = split(name)?;
    let data = match what {
        "payload" => FunctionData::Payload,
        "transaction" => FunctionData::Transaction,
        "transactions" => FunctionData::Transactions,
        _ => return Err(Error::unknown_function(name)),
    };
    Ok((data, network))
}

/// What an event's name stands for.
pub(crate) fn event(name: &str) -> Result<(EventData, Option<Network>), Error> {
    let (what, network) = split(name)?;
    let data = match what {
        "connected" | "disconnected" => EventData::Block,
        "deposits" => EventData::Transactions(Kind::Deposit),
        "withdrawals" => EventData::Transactions(Kind::Withdrawal),
        "transfers" => EventData::Transactions(Kind::Transfer),
        _ => return Err(Error::unknown_event(name)),
    };
    Ok((data, network))
}

fn split(name: &str) -> Result<(&str, Option<Network>), Error> {
    let Some((what, network)) = name.split_once(SEPARATOR) else {
        return Ok((name, None));
    };
    match Network::parse(network) {
        Some(network) => Ok((what, Some(network))),
        None => Err(Error::Unsupported(format!("network {network}"))),
    }
}
