//! Transactions on their way in: read once, without copying their texts.

use cxx::CxxVector;
use libmetachain_engine::Carried;
use libmetachain_primitives::{Code, Error, Network, Receipt, Result, Root, Transaction, TxId};

use crate::bridge::ffi::{DmcTx, MetaCarried};
use crate::convert::hash;

/// What the engine takes: each transaction, or why it is malformed.
pub(crate) type Parsed = Vec<Result<Transaction, Receipt>>;

/// Reads transactions as texts of a network.
///
/// # Errors
/// `BAD_ARGUMENT` for an id that is neither empty nor 32 bytes: no native transaction has such an
/// id, so this is the caller's defect and not a reason to leave the transaction out.
pub(crate) fn parse<'a>(
    transactions: impl ExactSizeIterator<Item = &'a DmcTx>,
    network: Network,
) -> Result<Parsed> {
    let mut parsed = Vec::with_capacity(transactions.len());
    for (
        index,
        DmcTx {
            from,
            to,
            amount,
            txid,
        },
    ) in (0u64..).zip(transactions)
    {
        let txid: Option<TxId> = match txid.as_slice() {
            [] => None,
            bytes => Some(hash(bytes, "txid").map_err(|error| error.with("index", index))?),
        };
        parsed.push(Transaction::parse(from, to, *amount, txid, network));
    }
    Ok(parsed)
}

/// What a native block says that it carries.
///
/// # Errors
/// `BAD_ARGUMENT` where it says so in two ways.
pub(crate) fn carried(carried: &MetaCarried, network: Network) -> Result<Carried> {
    let MetaCarried {
        txs,
        tx_root,
        unchecked,
    } = carried;
    match (txs.is_empty(), tx_root.is_empty(), unchecked) {
        (_, true, false) => Ok(Carried::of(&parse(txs.iter(), network)?)),
        (true, false, false) => Ok(Carried::Root(hash(tx_root, "carried.tx_root")?)),
        (true, true, true) => Ok(Carried::Unchecked),
        _ => Err(Error::new(
            Code::BadArgument,
            "what a native block carries is one of txs, tx_root and unchecked",
        )
        .with("field", "carried")),
    }
}

/// The commitment to transactions.
///
/// # Errors
/// `BAD_ARGUMENT` if one of them is malformed, with its `index` and its `receipt` code.
pub(crate) fn root(transactions: &CxxVector<DmcTx>, network: Network) -> Result<Root> {
    match Carried::of(&parse(transactions.iter(), network)?) {
        Carried::Root(root) => Ok(root),
        Carried::Malformed { index, receipt } => Err(Error::new(
            Code::BadArgument,
            format!("transaction {index} is malformed: {}", receipt.message),
        )
        .with("index", index)
        .with("receipt", receipt.code.as_str())),
        Carried::Unchecked => Err(Error::new(Code::BadArgument, "there are no transactions")),
    }
}
