//! Mint: build the next block of given transactions; nothing changes.

use std::sync::Arc;

use libmetachain_ledger::Context;
use libmetachain_primitives::{Receipt, Result, Transaction};

use crate::chain::Chain;
use crate::native::Minted;
use crate::prepared::Executed;

impl Chain {
    pub(crate) fn mint(
        &self,
        context: &Context,
        transactions: &[Result<Transaction, Receipt>],
    ) -> Result<Minted> {
        self.usable()?;
        let minted = self.core.read().ledger.mint(context, transactions)?;
        let payload: Arc<[u8]> = minted.payload.into();
        self.counters.minted.add(1);
        self.counters.rejections.add(minted.rejected.len() as u64);
        self.prepared.lock().put(Executed {
            context: *context,
            payload: Arc::clone(&payload),
            header: minted.block.header,
            hash: minted.hash,
            delta: minted.delta,
        });
        Ok(Minted {
            payload,
            hash: minted.hash,
            header: minted.block.header,
            rejected: minted.rejected,
        })
    }
}
