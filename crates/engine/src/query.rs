//! Queries: what the chain holds, each answered at one tip.

use std::sync::Arc;

use libmetachain_ledger::store::Record;
use libmetachain_ledger::{Account, Tip};
use libmetachain_primitives::{
    Block, BlockHash, Code, Error, MetaAddress, NativeHash, Result, Root, Transaction, TxId,
    Withdrawal, decode_payload, prove_withdrawal, withdrawals,
};

use crate::chain::{Chain, Core};
use crate::connect::misplaced;
use crate::index::BlockRef;
use crate::older::Older;

/// The tip, and how far the disk has followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainTip {
    /// The tip that queries see.
    pub tip: Tip,
    /// The height of the last block that is on disk; equals the tip's unless blocks are being written.
    pub durable_height: u64,
}

/// A block of the present chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlock {
    /// Header and transactions.
    pub block: Block,
    /// The block's hash.
    pub hash: BlockHash,
    /// The native block that carries it.
    pub native: NativeHash,
}

/// A transaction of the present chain and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTransaction {
    /// The metachain height of its block.
    pub height: u64,
    /// Its position in the block.
    pub index: u32,
    /// The transaction.
    pub transaction: Transaction,
}

/// A proof of a withdrawal with what it holds for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenWithdrawal {
    /// The block's metachain height.
    pub height: u64,
    /// The root that the proof leads to.
    pub withdrawals_root: Root,
    /// For [`libmetachain_primitives::verify_withdrawal`].
    pub proof: Vec<u8>,
}

/// A proof of an account's presence or absence with what it holds for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenAccount {
    /// The height of the tip that it was made at.
    pub height: u64,
    /// The root that the proof leads to.
    pub state_root: Root,
    /// For [`libmetachain_ledger::verify_account_proof`].
    pub proof: Vec<u8>,
}

/// A block as the log holds it, and where it stands.
struct Stored {
    height: u64,
    hash: BlockHash,
    native: NativeHash,
    payload: Arc<[u8]>,
}

impl Core {
    /// The tip, where this many records are on disk.
    pub(crate) fn chain_tip(&self, durable: u64) -> ChainTip {
        let mut durable_height = self.index.height();
        // Only blocks still in the writer's queue are passed over, so this takes few steps.
        while let Some((height, entry)) = self.index.get(BlockRef::Height(durable_height)) {
            if entry.sequence <= durable {
                break;
            }
            durable_height = height - 1;
        }
        ChainTip {
            tip: *self.ledger.tip(),
            durable_height,
        }
    }
}

impl Chain {
    pub(crate) fn tip(&self) -> Result<ChainTip> {
        self.usable()?;
        let durable = self.store.durable_sequence();
        Ok(self.core.read().chain_tip(durable))
    }

    /// The lowest height whose block is held, 0 if there is none: above 1 where the store began from a snapshot of
    /// another's.
    pub(crate) fn first_height(&self) -> Result<u64> {
        self.usable()?;
        let tip = self.core.read().index.height();
        let is_held = |height| Ok(self.find(BlockRef::Height(height))?.is_some());
        if tip == 0 || is_held(1)? {
            return Ok(tip.min(1));
        }
        let (mut missing, mut held) = (1, tip);
        while missing + 1 < held {
            let middle = missing.midpoint(held);
            if is_held(middle)? {
                held = middle;
            } else {
                missing = middle;
            }
        }
        Ok(held)
    }

    pub(crate) fn account(&self, address: &MetaAddress) -> Result<Option<Account>> {
        self.usable()?;
        Ok(self.core.read().ledger.account(address))
    }

    /// The payload of a block of the present chain and where it stands.
    fn stored(&self, block: BlockRef) -> Result<Option<Stored>> {
        self.usable()?;
        let Some((height, entry)) = self.find(block)? else {
            return Ok(None);
        };
        match self.record(&entry)? {
            Record::Connect { payload, .. } => Ok(Some(Stored {
                height,
                hash: entry.hash,
                native: entry.native,
                payload,
            })),
            _ => Err(misplaced(height)),
        }
    }

    pub(crate) fn payload(&self, block: BlockRef) -> Result<Option<Arc<[u8]>>> {
        Ok(self.stored(block)?.map(|stored| stored.payload))
    }

    pub(crate) fn block(&self, block: BlockRef) -> Result<Option<StoredBlock>> {
        let Some(Stored {
            height,
            hash,
            native,
            payload,
        }) = self.stored(block)?
        else {
            return Ok(None);
        };
        let block = self.decode(height, &payload)?;
        Ok(Some(StoredBlock {
            block,
            hash,
            native,
        }))
    }

    /// Decodes a payload that the log has verified: failing is not the payload's fault.
    pub(crate) fn decode(&self, height: u64, payload: &[u8]) -> Result<Block> {
        let (bytes_max, transactions_max) = {
            let core = self.core.read();
            let genesis = core.ledger.genesis();
            (genesis.payload_bytes_max, genesis.transactions_max)
        };
        decode_payload(payload, bytes_max, transactions_max).map_err(|error| {
            Error::new(
                Code::StoreCorrupt,
                format!("the stored block {height} cannot be read: {error}"),
            )
            .with("height", height)
        })
    }

    pub(crate) fn withdrawals(&self, block: BlockRef) -> Result<Vec<Withdrawal>> {
        Ok(withdrawals(&self.required(block)?.block.transactions))
    }

    /// The newest transaction of the present chain with this id.
    pub(crate) fn transaction(&self, txid: &TxId) -> Result<Option<StoredTransaction>> {
        self.usable()?;
        match &self.older {
            Some(older) => self.indexed_transaction(older, txid),
            None => self.transaction_in_memory(txid),
        }
    }

    fn indexed_transaction(&self, older: &Older, txid: &TxId) -> Result<Option<StoredTransaction>> {
        // The index follows what is on disk, and the tip may be ahead of that.
        if self.store.durable_sequence() + 1 < self.core.read().journal.len() {
            self.store.flush()?;
        }
        let Some(found) = older.transaction(txid)? else {
            return Ok(None);
        };
        let Some(stored) = self.block(BlockRef::Hash(found.block.hash))? else {
            return Ok(None);
        };
        let index = found.position;
        let transaction = stored.block.transactions.into_iter().nth(index as usize);
        Ok(transaction.map(|transaction| StoredTransaction {
            height: found.block.height,
            index,
            transaction,
        }))
    }

    /// A chain in memory has no index: it is for tests and short lives, and is searched.
    fn transaction_in_memory(&self, txid: &TxId) -> Result<Option<StoredTransaction>> {
        let mut height = self.core.read().index.height();
        while let Some(stored) = self.block(BlockRef::Height(height))? {
            let mut transactions = (0u32..).zip(stored.block.transactions);
            if let Some((index, transaction)) =
                transactions.find(|(_, transaction)| transaction.txid() == Some(txid))
            {
                return Ok(Some(StoredTransaction {
                    height,
                    index,
                    transaction,
                }));
            }
            height -= 1;
        }
        Ok(None)
    }

    pub(crate) fn prove_withdrawal(&self, block: BlockRef, index: u32) -> Result<ProvenWithdrawal> {
        let Block {
            header,
            transactions,
        } = self.required(block)?.block;
        Ok(ProvenWithdrawal {
            height: header.height,
            withdrawals_root: header.withdrawals_root,
            proof: prove_withdrawal(&transactions, index)?,
        })
    }

    pub(crate) fn prove_account(&self, address: &MetaAddress) -> Result<ProvenAccount> {
        self.usable()?;
        let core = self.core.read();
        let tip = core.ledger.tip();
        Ok(ProvenAccount {
            height: tip.height,
            state_root: tip.state_root,
            proof: core.ledger.prove_account(address).encode(),
        })
    }

    fn required(&self, block: BlockRef) -> Result<StoredBlock> {
        self.block(block)?.ok_or_else(|| {
            Error::new(
                Code::BadArgument,
                format!("the chain has no block {}", name(block)),
            )
        })
    }
}

fn name(block: BlockRef) -> String {
    match block {
        BlockRef::Height(height) => format!("at height {height}"),
        BlockRef::Hash(hash) => format!("with hash {hash}"),
        BlockRef::Native(hash) => format!("in native block {hash}"),
    }
}
