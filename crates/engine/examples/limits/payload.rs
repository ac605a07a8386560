//! What minting adds to an execution: the transactions' root, the payload's bytes, the block's hash.

use libmetachain_primitives::{
    Amount, Block, BlockHash, Error, Header, MetaAddress, NativeHash, Root, Transaction,
    encode_payload, tx_root, withdrawals_root,
};

use crate::workload::Transfer;

impl Transfer {
    pub(crate) fn transaction(&self) -> Result<Transaction, &'static str> {
        Ok(Transaction::Transfer {
            from: MetaAddress(self.from),
            to: MetaAddress(self.to),
            amount: Amount::new(self.amount).ok_or("no amount")?,
            txid: None,
        })
    }
}

/// Payload and hash of a block that leads to this state. What it builds on is of no matter here.
pub(crate) fn build(
    transactions: Vec<Transaction>,
    state_root: Root,
) -> Result<(Vec<u8>, BlockHash), Error> {
    let header = Header {
        version: 1,
        genesis: BlockHash([1; 32]),
        height: 1,
        parent: BlockHash([1; 32]),
        native_height: 1,
        native_parent: NativeHash([1; 32]),
        time: 1,
        tx_count: transactions.len() as u32,
        tx_root: tx_root(&transactions),
        withdrawals_root: withdrawals_root(&transactions),
        state_root,
        supply: 1,
    };
    let block = Block {
        header,
        transactions,
    };
    Ok((encode_payload(&block)?, header.hash()))
}
