//! Mint: build the next block of given transactions; nothing changes.

use std::sync::Arc;

use libmetachain_ledger::{Context, Tip};
use libmetachain_primitives::{Receipt, Result, Transaction};

use crate::chain::Chain;
use crate::native::Minted;
use crate::prepared::Executed;

impl Chain {
    /// `context` is asked with the tip that is minted on.
    pub(crate) fn mint(
        &self,
        context: impl FnOnce(&Tip) -> Context,
        transactions: &[Result<Transaction, Receipt>],
    ) -> Result<Minted> {
        self.usable()?;
        let (context, minted) = {
            let core = self.core.read();
            let context = context(core.ledger.tip());
            (context, core.ledger.mint(&context, transactions)?)
        };
        self.counters.minted.add(1);
        self.counters.rejections.add(minted.rejected.len() as u64);
        self.prepared.lock().put(Executed {
            context,
            payload: Arc::from(minted.payload.as_slice()),
            header: minted.block.header,
            hash: minted.hash,
            delta: minted.delta,
        });
        Ok(Minted {
            payload: minted.payload,
            hash: minted.hash,
            header: minted.block.header,
            rejected: minted.rejected,
        })
    }
}
