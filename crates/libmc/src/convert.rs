//! Values between C++ and the engine: lengths and alternatives are checked here and nowhere else.

use std::sync::Arc;

use libmetachain_engine::{
    Account, BlockRef, CandidateBlock, ChainTip, ConnectStatus, Connected, Context, Event,
    EventKind, Handshake, Minted, NativeBlock, StoredBlock, StoredTransaction,
};
use libmetachain_primitives::{
    Block, BlockHash, Code, Error, MetaAddress, NativeHash, Network, Result, Transaction, TxId,
    Withdrawal,
};
use libmetachain_rpc::wire;

use crate::bridge::ffi::{
    DmcBlock, DmcTx, MetaAccount, MetaAccountResult, MetaBlock, MetaBlockRef, MetaCandidateBlock,
    MetaConnectResult, MetaConnectStatus, MetaContext, MetaEvent, MetaEventKind,
    MetaHandshakeResult, MetaHandshakeStatus, MetaNativeBlock, MetaPlacedTransaction,
    MetaRejection, MetaTip, MetaTransactionResult, MetaWithdrawal,
};
use crate::transactions;

/// A hash of any kind: exactly 32 bytes.
pub(crate) fn hash<T: From<[u8; 32]>>(bytes: &[u8], field: &'static str) -> Result<T> {
    let hash: [u8; 32] = bytes.try_into().map_err(|_| {
        Error::new(
            Code::BadArgument,
            format!("{field} must have 32 bytes, not {}", bytes.len()),
        )
        .with("field", field)
    })?;
    Ok(hash.into())
}

pub(crate) fn context(context: &MetaContext) -> Result<Context> {
    Ok(Context {
        native_height: context.native_height,
        native_parent: hash(&context.native_parent_hash, "native_parent_hash")?,
        time: context.time,
    })
}

pub(crate) fn candidate(block: &MetaCandidateBlock, network: Network) -> Result<CandidateBlock> {
    Ok(CandidateBlock {
        context: Context {
            native_height: block.native_height,
            native_parent: hash(&block.native_parent_hash, "native_parent_hash")?,
            time: block.time,
        },
        payload: Arc::from(block.payload.as_slice()),
        carried: transactions::carried(&block.carried, network)?,
    })
}

pub(crate) fn native_block(block: &MetaNativeBlock, network: Network) -> Result<NativeBlock> {
    Ok(NativeBlock {
        hash: hash(&block.native_hash, "native_hash")?,
        candidate: CandidateBlock {
            context: Context {
                native_height: block.native_height,
                native_parent: hash(&block.native_parent_hash, "native_parent_hash")?,
                time: block.time,
            },
            payload: Arc::from(block.payload.as_slice()),
            carried: transactions::carried(&block.carried, network)?,
        },
    })
}

pub(crate) fn block_ref(reference: &MetaBlockRef) -> Result<BlockRef> {
    let MetaBlockRef {
        has_height,
        height,
        hash: block_hash,
        native_hash,
    } = reference;
    match (has_height, block_hash.is_empty(), native_hash.is_empty()) {
        (true, true, true) => Ok(BlockRef::Height(*height)),
        (false, false, true) => Ok(BlockRef::Hash(hash(block_hash, "hash")?)),
        (false, true, false) => Ok(BlockRef::Native(hash(native_hash, "native_hash")?)),
        _ => Err(Error::new(
            Code::BadArgument,
            "a block is named by one of height, hash and native_hash",
        )
        .with("field", "reference")),
    }
}

pub(crate) fn minted(minted: Minted) -> DmcBlock {
    DmcBlock {
        payload: minted.payload,
        hash: minted.hash.0.to_vec(),
        height: minted.header.height,
        rejected: minted
            .rejected
            .into_iter()
            .map(|rejection| MetaRejection {
                index: rejection.index,
                code: rejection.receipt.code.as_str().to_owned(),
                message: rejection.receipt.message,
                has_balance: rejection.receipt.balance.is_some(),
                balance: rejection.receipt.balance.unwrap_or_default(),
            })
            .collect(),
        state_root: minted.header.state_root.0.to_vec(),
        supply: minted.header.supply,
        accepted: minted.header.tx_count,
    }
}

pub(crate) fn connected(connected: Connected) -> MetaConnectResult {
    MetaConnectResult {
        status: match connected.status {
            ConnectStatus::Connected => MetaConnectStatus::Connected,
            ConnectStatus::Known => MetaConnectStatus::Known,
        },
        hash: connected.hash.0.to_vec(),
        height: connected.height,
    }
}

pub(crate) fn tip(tip: &ChainTip) -> MetaTip {
    let native = tip.tip.native;
    MetaTip {
        height: tip.tip.height,
        hash: tip.tip.hash.0.to_vec(),
        has_native_height: native.is_some(),
        native_height: native.map_or(0, |(height, _)| height),
        native_hash: native.map_or_else(Vec::new, |(_, hash)| hash.0.to_vec()),
        state_root: tip.tip.state_root.0.to_vec(),
        time: tip.tip.time,
        supply: tip.tip.supply,
        durable_height: tip.durable_height,
    }
}

pub(crate) fn account(address: &MetaAddress, account: Option<Account>) -> MetaAccountResult {
    MetaAccountResult {
        has_account: account.is_some(),
        account: MetaAccount {
            address: address.to_string(),
            balance: account.map_or(0, |account| account.balance),
            sequence: account.map_or(0, |account| account.sequence),
        },
    }
}

/// A block with the hash of the native block that carries it, where one does.
pub(crate) fn block(
    Block {
        header,
        transactions,
    }: &Block,
    hash: BlockHash,
    native: Option<NativeHash>,
    network: Network,
) -> Result<MetaBlock> {
    Ok(MetaBlock {
        height: header.height,
        hash: hash.0.to_vec(),
        parent_hash: header.parent.0.to_vec(),
        native_height: header.native_height,
        native_hash: native.map_or_else(Vec::new, |native| native.0.to_vec()),
        native_parent_hash: header.native_parent.0.to_vec(),
        time: header.time,
        state_root: header.state_root.0.to_vec(),
        tx_root: header.tx_root.0.to_vec(),
        withdrawals_root: header.withdrawals_root.0.to_vec(),
        supply: header.supply,
        txs: transactions
            .iter()
            .map(|transaction| transaction_out(transaction, network))
            .collect::<Result<_>>()?,
    })
}

pub(crate) fn stored(stored: &StoredBlock, network: Network) -> Result<MetaBlock> {
    block(&stored.block, stored.hash, Some(stored.native), network)
}

fn transaction_out(transaction: &Transaction, network: Network) -> Result<DmcTx> {
    let (from, to) = transaction.address_texts(network)?;
    Ok(DmcTx {
        from,
        to,
        amount: transaction.amount().get().cast_signed(),
        txid: id(transaction.txid()),
    })
}

pub(crate) fn placed(
    found: Option<&StoredTransaction>,
    network: Network,
) -> Result<MetaTransactionResult> {
    Ok(MetaTransactionResult {
        has_found: found.is_some(),
        found: match found {
            Some(found) => MetaPlacedTransaction {
                height: found.height,
                index: found.index,
                transaction: transaction_out(&found.transaction, network)?,
            },
            None => wire::MetaPlacedTransaction::default().into(),
        },
    })
}

pub(crate) fn event(event: Event, network: Network) -> Result<MetaEvent> {
    Ok(MetaEvent {
        kind: match event.kind {
            EventKind::Connected => MetaEventKind::Connected,
            EventKind::Disconnected => MetaEventKind::Disconnected,
        },
        block: block(&event.block, event.hash, Some(event.native), network)?,
        cursor: event.cursor,
    })
}

pub(crate) fn withdrawal(withdrawal: &Withdrawal, network: Network) -> Result<MetaWithdrawal> {
    Ok(MetaWithdrawal {
        index: withdrawal.index,
        from: withdrawal.from.to_string(),
        to: withdrawal.to.to_text(network)?,
        amount: withdrawal.amount.get().cast_signed(),
        txid: id(withdrawal.txid.as_ref()),
    })
}

fn id(txid: Option<&TxId>) -> Vec<u8> {
    txid.map_or_else(Vec::new, |txid| txid.0.to_vec())
}

pub(crate) fn handshake(handshake: Handshake) -> MetaHandshakeResult {
    let (status, height) = match handshake {
        Handshake::InSync => (MetaHandshakeStatus::InSync, None),
        Handshake::Replay { from_native_height } => {
            (MetaHandshakeStatus::Replay, Some(from_native_height))
        }
        Handshake::Unwind { to_native_height } => {
            (MetaHandshakeStatus::Unwind, Some(to_native_height))
        }
        Handshake::Ahead {
            common_native_height,
        } => (MetaHandshakeStatus::Ahead, Some(common_native_height)),
        Handshake::Diverged { native_height } => {
            (MetaHandshakeStatus::Diverged, Some(native_height))
        }
    };
    MetaHandshakeResult {
        status,
        has_native_height: height.is_some(),
        native_height: height.unwrap_or_default(),
    }
}
