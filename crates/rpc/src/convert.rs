//! Between the types of the wire and those of the chain: checked on the way in, canonical on the way out.

use core::fmt::Display;

use libmetachain_engine::{
    BlockRef, CandidateBlock, Carried, ChainTip, Context, Event, EventKind, NativeBlock,
    StoredBlock, StoredTransaction,
};
use libmetachain_primitives::{
    Block, BlockHash, Code, Error, NativeHash, Network, Receipt, Rejection, Result, Root,
    Transaction, TxId, Withdrawal,
};

use crate::wire::{
    MetaBlock, MetaBlockRef, MetaCandidateBlock, MetaCarried, MetaContext, MetaEvent,
    MetaEventKind, MetaNativeBlock, MetaPlacedTransaction, MetaRejection, MetaTip, MetaTransaction,
    MetaWithdrawal,
};

/// Reads a hash or id; the error names the field.
pub(crate) fn hash<'a, T>(field: impl Display, bytes: &'a [u8]) -> Result<T>
where
    T: TryFrom<&'a [u8], Error = Error>,
{
    T::try_from(bytes).map_err(|error| bad(format!("{field}: {}", error.message())))
}

fn bad(message: String) -> Error {
    Error::new(Code::BadArgument, message)
}

/// Reads transactions. A bad value gets a receipt, as in every binding; what is no value at all fails.
pub(crate) fn transactions(
    field: &str,
    given: &[MetaTransaction],
    network: Network,
) -> Result<Vec<Result<Transaction, Receipt>>> {
    let mut transactions = Vec::with_capacity(given.len());
    for (index, given) in given.iter().enumerate() {
        let txid: Option<TxId> = given
            .txid
            .as_deref()
            .map(|bytes| hash(format_args!("{field}[{index}].txid"), bytes))
            .transpose()?;
        transactions.push(Transaction::parse(
            &given.from,
            &given.to,
            given.amount,
            txid,
            network,
        ));
    }
    Ok(transactions)
}

pub(crate) fn context(given: &MetaContext) -> Result<Context> {
    Ok(Context {
        native_height: given.native_height,
        native_parent: hash("nativeParentHash", &given.native_parent_hash)?,
        time: given.time,
    })
}

fn carried(given: &MetaCarried, network: Network) -> Result<Carried> {
    let others = usize::from(given.tx_root.is_some()) + usize::from(given.unchecked);
    if others > 1 || (others == 1 && !given.txs.is_empty()) {
        return Err(bad(
            "carried: only one of txs, txRoot and unchecked can be given".into(),
        ));
    }
    if given.unchecked {
        return Ok(Carried::Unchecked);
    }
    match &given.tx_root {
        Some(root) => Ok(Carried::Root(hash::<Root>("carried.txRoot", root)?)),
        None => Ok(Carried::of(&transactions(
            "carried.txs",
            &given.txs,
            network,
        )?)),
    }
}

pub(crate) fn candidate(given: MetaCandidateBlock, network: Network) -> Result<CandidateBlock> {
    Ok(CandidateBlock {
        context: Context {
            native_height: given.native_height,
            native_parent: hash("nativeParentHash", &given.native_parent_hash)?,
            time: given.time,
        },
        carried: carried(&given.carried, network)?,
        payload: given.payload.into(),
    })
}

pub(crate) fn native_block(given: MetaNativeBlock, network: Network) -> Result<NativeBlock> {
    Ok(NativeBlock {
        hash: hash("nativeHash", &given.native_hash)?,
        candidate: candidate(
            MetaCandidateBlock {
                native_height: given.native_height,
                native_parent_hash: given.native_parent_hash,
                time: given.time,
                payload: given.payload,
                carried: given.carried,
            },
            network,
        )?,
    })
}

pub(crate) fn block_ref(given: &MetaBlockRef) -> Result<BlockRef> {
    match (given.height, &given.hash, &given.native_hash) {
        (Some(height), None, None) => Ok(BlockRef::Height(height)),
        (None, Some(bytes), None) => Ok(BlockRef::Hash(hash("hash", bytes)?)),
        (None, None, Some(bytes)) => Ok(BlockRef::Native(hash("nativeHash", bytes)?)),
        _ => Err(bad(
            "a block is named by exactly one of height, hash and nativeHash".into(),
        )),
    }
}

pub(crate) fn rejection(given: Rejection) -> MetaRejection {
    MetaRejection {
        index: given.index,
        code: given.receipt.code.as_str().to_owned(),
        message: given.receipt.message,
        balance: given.receipt.balance,
    }
}

pub(crate) fn tip(given: &ChainTip) -> MetaTip {
    let tip = &given.tip;
    MetaTip {
        height: tip.height,
        hash: tip.hash.0.into(),
        native_height: tip.native.map(|(height, _)| height),
        native_hash: tip.native.map(|(_, hash)| hash.0.into()),
        state_root: tip.state_root.0.into(),
        time: tip.time,
        supply: tip.supply,
        durable_height: given.durable_height,
    }
}

pub(crate) fn stored_block(given: &StoredBlock, network: Network) -> Result<MetaBlock> {
    block(&given.block, &given.hash, Some(given.native), network)
}

pub(crate) fn block(
    given: &Block,
    hash: &BlockHash,
    native: Option<NativeHash>,
    network: Network,
) -> Result<MetaBlock> {
    let header = &given.header;
    let txs = given
        .transactions
        .iter()
        .map(|given| transaction(given, network));
    Ok(MetaBlock {
        height: header.height,
        hash: hash.0.into(),
        parent_hash: header.parent.0.into(),
        native_height: header.native_height,
        native_hash: native.map(|native| native.0.into()),
        native_parent_hash: header.native_parent.0.into(),
        time: header.time,
        state_root: header.state_root.0.into(),
        tx_root: header.tx_root.0.into(),
        withdrawals_root: header.withdrawals_root.0.into(),
        supply: header.supply,
        txs: txs.collect::<Result<_>>()?,
    })
}

fn transaction(given: &Transaction, network: Network) -> Result<MetaTransaction> {
    let (from, to) = given.address_texts(network)?;
    Ok(MetaTransaction {
        from,
        to,
        amount: amount(given.amount().get())?,
        txid: given.txid().map(|id| id.0.into()),
    })
}

pub(crate) fn placed(given: &StoredTransaction, network: Network) -> Result<MetaPlacedTransaction> {
    Ok(MetaPlacedTransaction {
        height: given.height,
        index: given.index,
        transaction: transaction(&given.transaction, network)?,
    })
}

pub(crate) fn event(given: Event, network: Network) -> Result<MetaEvent> {
    Ok(MetaEvent {
        kind: match given.kind {
            EventKind::Connected => MetaEventKind::Connected,
            EventKind::Disconnected => MetaEventKind::Disconnected,
        },
        block: block(&given.block, &given.hash, Some(given.native), network)?,
        cursor: given.cursor,
    })
}

pub(crate) fn withdrawal(given: &Withdrawal, network: Network) -> Result<MetaWithdrawal> {
    Ok(MetaWithdrawal {
        index: given.index,
        from: given.from.to_string(),
        to: given.to.to_text(network)?,
        amount: amount(given.amount.get())?,
        txid: given.txid.map(|id| id.0.into()),
    })
}

/// Amounts of the chain are within 63 bits, by their type.
fn amount(units: u64) -> Result<i64> {
    i64::try_from(units).map_err(|_| {
        Error::new(
            Code::StoreCorrupt,
            format!("an amount of {units} cannot be in a block"),
        )
    })
}
